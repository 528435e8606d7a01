//! libtorch's CUDA part, which exists only on machines with a GPU.
//!
//! | file     | what it holds                  |
//! |----------|--------------------------------|
//! | `memory` | the memory of a GPU, as a whole |

mod memory;

pub use memory::{Memory, memory};

/// Makes libtorch's attention on newer GPUs use its own flash kernel before cuDNN's. cuDNN compiles a plan for every
/// length that it meets: for every sample of its own length, and in generation for every token.
const NO_CUDNN_ATTENTION: &str = "TORCH_CUDNN_SDPA_DEPRIORITIZED";

/// Loads libtorch's CUDA part if it exists, and returns whether it did. The program is linked with the CPU
/// part only, so that it runs on both kinds of machines. Must be called first in `main`, before anything asks
/// libtorch about CUDA: libtorch remembers the answer.
#[cfg(target_os = "linux")]
#[allow(unsafe_code)] // loading a library runs its initialisers; libtorch's are meant to be run this way
pub fn load() -> bool {
    use libloading::os::unix::{Library, RTLD_GLOBAL, RTLD_NOW};

    // SAFETY: the library is part of libtorch; it registers its kernels when loaded, and is never unloaded.
    match unsafe { Library::open(Some("libtorch_cuda.so"), RTLD_NOW | RTLD_GLOBAL) } {
        Ok(library) => {
            std::mem::forget(library);
            if std::env::var_os(NO_CUDNN_ATTENTION).is_none() {
                // SAFETY: `main` has started no other thread that could read the environment.
                unsafe { std::env::set_var(NO_CUDNN_ATTENTION, "1") };
            }
            true
        }
        Err(_) => false,
    }
}

/// Other systems have no CUDA part.
#[cfg(not(target_os = "linux"))]
pub fn load() -> bool {
    false
}
