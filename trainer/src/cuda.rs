//! The part of libtorch that is there only on machines with a GPU.

/// Loads libtorch's CUDA part where there is one, and says whether it did. One program serves both kinds of
/// machine: it is linked with the CPU part alone. To be called first thing in `main`, before anything asks
/// libtorch about CUDA: the answer is remembered.
#[cfg(target_os = "linux")]
#[allow(unsafe_code)] // running a library's initialisers is unsafe by nature; libtorch's are meant to be run so
pub fn load() -> bool {
    use libloading::os::unix::{Library, RTLD_GLOBAL, RTLD_NOW};

    // SAFETY: the library is libtorch's own; it registers its kernels when loaded, and is never unloaded.
    match unsafe { Library::open(Some("libtorch_cuda.so"), RTLD_NOW | RTLD_GLOBAL) } {
        Ok(library) => {
            std::mem::forget(library);
            true
        }
        Err(_) => false,
    }
}

/// Elsewhere there is none.
#[cfg(not(target_os = "linux"))]
pub fn load() -> bool {
    false
}
