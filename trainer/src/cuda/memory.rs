//! The memory of a GPU, as CUDA's runtime counts it. libtorch's C interface does not tell what it has allocated.

use std::ffi::c_int;
use std::sync::OnceLock;

use libloading::os::unix::Library;
use tch::Device;

/// CUDA's runtime, of the version that libtorch is linked with. libtorch has loaded it already.
const RUNTIME: &str = "libcudart.so.13";

/// The memory of a GPU, of all programs together.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Memory {
    /// Bytes that a program could still allocate. What libtorch has freed it keeps for itself, so this is no more
    /// than what is free within this process.
    pub free: u64,
    /// All bytes.
    pub total: u64,
}

impl Memory {
    /// Bytes in use. libtorch keeps what it has freed, so where no other program uses the GPU, this is the most that
    /// was needed so far.
    pub fn used(self) -> u64 {
        self.total - self.free
    }
}

/// The memory of a GPU; `None` for a CPU, and where CUDA does not tell.
pub fn memory(device: Device) -> Option<Memory> {
    static RUNTIME: OnceLock<Option<Runtime>> = OnceLock::new();
    let Device::Cuda(index) = device else { return None };
    RUNTIME.get_or_init(Runtime::open).as_ref()?.memory(index as c_int)
}

/// The functions of CUDA's runtime; each returns zero if it succeeds.
struct Runtime {
    get_device: unsafe extern "C" fn(*mut c_int) -> c_int,
    set_device: unsafe extern "C" fn(c_int) -> c_int,
    memory: unsafe extern "C" fn(*mut usize, *mut usize) -> c_int,
    _library: Library, // last: the functions are its
}

impl Runtime {
    #[allow(unsafe_code)] // functions of a C library
    fn open() -> Option<Self> {
        // SAFETY: the types are those of `cuda_runtime_api.h`, and the library is kept as long as the functions.
        unsafe {
            let library = Library::new(RUNTIME).ok()?;
            Some(Self {
                get_device: *library.get(b"cudaGetDevice\0").ok()?,
                set_device: *library.get(b"cudaSetDevice\0").ok()?,
                memory: *library.get(b"cudaMemGetInfo\0").ok()?,
                _library: library,
            })
        }
    }

    /// The function speaks of the thread's current device, which is the same afterwards.
    #[allow(unsafe_code)] // functions of a C library
    fn memory(&self, index: c_int) -> Option<Memory> {
        let (mut before, mut free, mut total) = (0, 0, 0);
        // SAFETY: the pointers are those of local variables.
        let told = unsafe {
            (self.get_device)(&raw mut before) == 0 && (self.set_device)(index) == 0 && {
                let told = (self.memory)(&raw mut free, &raw mut total) == 0;
                (self.set_device)(before) == 0 && told
            }
        };
        told.then_some(Memory { free: free as u64, total: total as u64 })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_runtime_has_the_functions_and_tells_of_gpus_that_there_are() {
        let runtime = Runtime::open().expect("libtorch's own CUDA runtime, with three functions");
        let gpus = tch::Cuda::device_count();
        assert_eq!(runtime.memory(gpus as c_int), None, "there is no such GPU");
        assert_eq!(memory(Device::Cpu), None);
        if gpus > 0 {
            let memory = memory(Device::Cuda(0)).expect("the first GPU's");
            assert!(memory.free > 0 && memory.free < memory.total && memory.used() > 0, "{memory:?}");
        }
    }
}
