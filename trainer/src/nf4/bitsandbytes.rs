//! bitsandbytes' own kernels for NF4, by the C interface of the shared library in its PyPI wheel (0.50), where that is
//! found. Without it the tensor code of this module computes the same, in more passes over memory.

use std::env;
use std::ffi::{CString, c_int, c_longlong, c_void};
use std::path::{Path, PathBuf};
use std::ptr::null_mut;
use std::sync::OnceLock;

use libloading::os::unix::{self, RTLD_LOCAL, RTLD_NOW};
use tch::{Cuda, Device, Kind, Tensor};

use super::BLOCK;
use super::absmax::Absmax;
use crate::Result;

/// The variable that names the library's file; empty: none is used.
const VARIABLE: &str = "BITSANDBYTES";

/// Rows up to which bitsandbytes always multiplies by the packed matrix. Above, it depends on the GPU.
const MOST_ROWS: i64 = 4;

/// `quant_type` of `cgemm_4bit_*`.
const NF4: c_int = 2;

/// The stream of CUDA that libtorch computes on, unless a program chooses another: the default one.
const STREAM: *mut c_void = null_mut();

/// A place in a tensor.
type Pointer = *mut c_void;

/// `(code, A, absmax, out, blocksize, n, stream)`; `code` is not read for NF4.
type Dequantise = unsafe extern "C" fn(Pointer, Pointer, Pointer, Pointer, c_int, c_int, Pointer);

/// `(A, absmax, out, blocksize, m, n)`
type DequantiseOnCpu = unsafe extern "C" fn(Pointer, Pointer, Pointer, c_longlong, c_longlong, c_longlong);

/// `(A, B, absmax, absmax_8bit, absmax_code, absmax_offset, out, bias, M, N, K, blocksize, quant_type, stream)`
type Multiply = unsafe extern "C" fn(
    Pointer,
    Pointer,
    Pointer,
    Pointer,
    Pointer,
    Pointer,
    Pointer,
    Pointer,
    c_int,
    c_int,
    c_int,
    c_int,
    c_int,
    Pointer,
);

/// bitsandbytes' shared library.
pub struct Library {
    name: String,
    functions: Functions,
    _library: unix::Library, // the functions are its
}

/// Its functions, each for f32 and for bf16.
enum Functions {
    Cpu { dequantise: [DequantiseOnCpu; 2] },
    Cuda { dequantise: [Dequantise; 2], multiply: [Multiply; 2] },
}

impl Library {
    /// Opens a library: one for a GPU, or the one for CPUs.
    ///
    /// # Errors
    /// [`Error::Library`](crate::Error) if it can't be loaded or lacks a function.
    #[allow(unsafe_code)] // functions of a C library
    pub fn open(path: &Path) -> Result<Self> {
        // SAFETY: the library's initialisers register CUDA kernels, nothing else.
        let library = unsafe { unix::Library::open(Some(path), RTLD_NOW | RTLD_LOCAL) }?;
        // SAFETY: the types are those of `csrc/pythonInterface.cpp` and `csrc/gemm_4bit.cu`, and of the wheel's own
        // `backends/cuda/ops.py`. The library is kept as long as its functions.
        let functions = unsafe {
            match function::<Multiply>(&library, "cgemm_4bit_fp32") {
                Ok(fp32) => Functions::Cuda {
                    dequantise: [
                        function(&library, "cdequantize_blockwise_fp32_nf4")?,
                        function(&library, "cdequantize_blockwise_bf16_nf4")?,
                    ],
                    multiply: [fp32, function(&library, "cgemm_4bit_bf16")?],
                },
                Err(_) => Functions::Cpu {
                    dequantise: [
                        function(&library, "cdequantize_blockwise_cpu_nf4_fp32")?,
                        function(&library, "cdequantize_blockwise_cpu_nf4_bf16")?,
                    ],
                },
            }
        };
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        Ok(Self { name, functions, _library: library })
    }

    /// The name of its file.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The dequantised matrix `[rows, columns]` of a kind, from its packed codes and the largest absolute values of its
    /// blocks, f32; `None` if the library has no function for it.
    #[allow(unsafe_code)] // functions of a C library
    pub fn dequantise(&self, codes: &Tensor, absmax: &Tensor, size: [i64; 2], kind: Kind) -> Option<Tensor> {
        let elements = size[0] * size[1];
        let number = number(kind)?;
        let out = || Tensor::empty(size, (kind, codes.device()));
        debug_assert!(codes.numel() as i64 * 2 == elements && absmax.numel() as i64 * BLOCK == elements);
        debug_assert!(codes.is_contiguous() && absmax.is_contiguous() && absmax.kind() == Kind::Float);
        // SAFETY: tensors of these sizes, of the device that the function is for.
        match (&self.functions, codes.device()) {
            (Functions::Cpu { dequantise }, Device::Cpu) => {
                let out = out();
                // Its rows are our blocks, so that it need not divide the columns into blocks.
                let (from, to) = (codes.data_ptr(), out.data_ptr());
                unsafe { dequantise[number](from, absmax.data_ptr(), to, BLOCK, elements / BLOCK, BLOCK) };
                Some(out)
            }
            (Functions::Cuda { dequantise, .. }, FIRST_GPU) => {
                let count = c_int::try_from(elements).ok()?;
                let out = out();
                let (from, to) = (codes.data_ptr(), out.data_ptr());
                let scales = absmax.data_ptr();
                unsafe { dequantise[number](null_mut(), from, scales, to, BLOCK as c_int, count, STREAM) };
                Some(out)
            }
            _ => None,
        }
    }

    /// The product of few rows, `[.., columns]`, with the packed matrix `[rows, columns]`, plus the bias; `None` if the
    /// library has no function for it, or autograd must know of it. The sums are f32; in bf16 the levels and the blocks'
    /// largest values are rounded first, so that the result differs in the last bits from that of the dequantised matrix.
    #[allow(unsafe_code)] // functions of a C library
    pub fn multiply(
        &self,
        x: &Tensor,
        codes: &Tensor,
        absmax: &Absmax,
        size: [i64; 2],
        bias: Option<&Tensor>,
    ) -> Option<Tensor> {
        let Functions::Cuda { multiply, .. } = &self.functions else { return None };
        let [outputs, inputs] = size;
        let number = number(x.kind())?;
        let rows = x.numel() as i64 / inputs;
        let fits = x.device() == FIRST_GPU && rows <= MOST_ROWS && inputs % BLOCK == 0 && !x.requires_grad();
        if !fits {
            return None;
        }
        let x = x.contiguous();
        let mut shape = x.size();
        *shape.last_mut()? = outputs;
        let out = Tensor::empty(shape, (x.kind(), x.device()));
        let [values, scales, levels, offset] = absmax.parts().map(Tensor::data_ptr);
        let bias = bias.map(Tensor::contiguous);
        // SAFETY: contiguous tensors of the first GPU, of the sizes that the numbers say.
        unsafe {
            multiply[number](
                x.data_ptr(),
                codes.data_ptr(),
                scales,
                values,
                levels,
                offset,
                out.data_ptr(),
                bias.as_ref().map_or(null_mut(), Tensor::data_ptr),
                rows as c_int,
                outputs as c_int,
                inputs as c_int,
                BLOCK as c_int,
                NF4,
                STREAM,
            );
        }
        Some(out)
    }
}

/// The GPU that the library's functions compute on, since they are called without naming one.
const FIRST_GPU: Device = Device::Cuda(0);

/// The place of a kind in [`Functions`].
fn number(kind: Kind) -> Option<usize> {
    [Kind::Float, Kind::BFloat16].iter().position(|known| *known == kind)
}

/// A function of a library.
///
/// # Safety
/// `T` must be its type, and the library must be kept as long as it is called.
#[allow(unsafe_code)] // functions of a C library
unsafe fn function<T: Copy>(
    library: &unix::Library,
    name: &str,
) -> std::result::Result<T, libloading::Error> {
    let name = CString::new(name).unwrap_or_default();
    unsafe { library.get::<T>(name.as_bytes_with_nul()) }.map(|symbol| *symbol)
}

/// The library of this process, looked for once: the file that the variable names, else the one for this machine's GPU,
/// or for CPUs, of the Python environment whose libtorch `LD_LIBRARY_PATH` names. `None`: there is none.
///
/// # Errors
/// [`Error::Library`](crate::Error) if the variable names a file that can't be used. One that was merely found and can't be used is
/// reported on standard error and left out.
pub fn library() -> Result<Option<&'static Library>> {
    static FOUND: OnceLock<Option<Library>> = OnceLock::new();
    if let Some(found) = FOUND.get() {
        return Ok(found.as_ref());
    }
    let found = match env::var_os(VARIABLE) {
        Some(path) if path.is_empty() => None,
        Some(path) => Some(Library::open(Path::new(&path))?),
        None => beside_libtorch().and_then(|path| match Library::open(&path) {
            Ok(library) => Some(library),
            Err(error) => {
                eprintln!("without bitsandbytes' kernels: {error}");
                None
            }
        }),
    };
    Ok(FOUND.get_or_init(|| found).as_ref())
}

/// The file in `site-packages/bitsandbytes`, where a folder of `LD_LIBRARY_PATH` is `site-packages/torch/lib`.
fn beside_libtorch() -> Option<PathBuf> {
    let built_for = match Cuda::is_available() {
        true => {
            let version = tch::utils::version_cudart(); // 13000 is 13.0
            format!("cuda{}{}", version / 1000, version % 1000 / 10)
        }
        false => "cpu".to_owned(),
    };
    let folders = env::var_os("LD_LIBRARY_PATH").unwrap_or_default();
    env::split_paths(&folders)
        .filter(|folder| folder.ends_with("torch/lib"))
        .map(|folder| folder.join(format!("../../bitsandbytes/libbitsandbytes_{built_for}.so")))
        .find(|path| path.is_file())
}
