//! The memory of this machine, and of this process.

use sysinfo::System;

/// The memory in bytes that this process may take: of the machine, or of its control group if that has a limit.
///
/// # Errors
/// The system does not say.
pub fn available_bytes() -> Result<usize, sysinfo::Error> {
    let mut system = System::new()?;
    system.refresh_memory();
    let total = system.cgroup_limits().map_or(system.total_memory(), |group| group.total_memory);
    Ok(usize::try_from(total).unwrap_or(usize::MAX))
}

/// The memory in bytes that a program of ours takes at most, unless it is told otherwise: three quarters of what it may take.
///
/// # Errors
/// The system does not say.
pub fn usual_bytes() -> Result<usize, sysinfo::Error> {
    Ok(available_bytes()? / 4 * 3)
}

/// The memory in bytes that this process has to itself: without files and what it shares. `None` where the system does not say
/// (`/proc/self/statm`, see proc(5)).
pub fn taken_bytes() -> Option<usize> {
    let statm = std::fs::read_to_string("/proc/self/statm").ok()?;
    let mut pages = statm.split_ascii_whitespace().map(str::parse::<usize>);
    let (resident, shared) = (pages.nth(1)?.ok()?, pages.next()?.ok()?);
    Some(resident.saturating_sub(shared) * rustix::param::page_size())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_process_takes_some_of_what_there_is() {
        let taken = taken_bytes().unwrap();
        let block = std::hint::black_box(vec![1_u8; 64 << 20]);
        let more = taken_bytes().unwrap() - taken;
        assert!(more > block.len() / 2 && taken + more < available_bytes().unwrap(), "{taken} + {more}");
    }
}
