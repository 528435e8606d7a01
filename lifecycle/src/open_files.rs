//! The process's limit of open files. Every connection takes one.

/// Raises the limit as high as the system allows this process. Many systems begin with 1,024, for the sake of old programs.
#[cfg(unix)]
pub fn raise_limit() {
    use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

    let limit = getrlimit(Resource::Nofile);
    if let Err(error) = setrlimit(Resource::Nofile, Rlimit { current: limit.maximum, ..limit }) {
        tracing::debug!("the limit of open files stays {:?}: {error}", limit.current);
    }
}

/// Does nothing: the limit is not known here.
#[cfg(not(unix))]
pub fn raise_limit() {}
