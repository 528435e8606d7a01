//! Runs the Python originals: `oracle.py` and the other scripts of this folder.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

use serde_json::json;
use tch::Tensor;
use trainer::model::Batch;
use trainer::weights::Weights;

/// The folder of the models, adapters and answers that `oracle.py make` writes, once per process.
pub fn folder() -> &'static Path {
    static FOLDER: OnceLock<tempfile::TempDir> = OnceLock::new();
    FOLDER
        .get_or_init(|| {
            let folder = tempfile::tempdir().unwrap();
            run("oracle.py", "make", folder.path());
            folder
        })
        .path()
}

/// A tensor of a file in that folder.
pub fn tensor(file: &str, name: &str) -> Tensor {
    Weights::open_file(&folder().join(file)).unwrap().read_any(name).unwrap()
}

/// The tokens that all logits in that folder belong to.
pub fn batch() -> Batch {
    Batch::rows(tensor("tokens.safetensors", "tokens").to_device(crate::device()))
}

/// The logits of [`batch`] that the originals compute from model folders, each with an adapter folder or without.
pub fn logits(jobs: &[(PathBuf, Option<PathBuf>)]) -> Vec<Tensor> {
    logits_of(&folder().join("tokens.safetensors"), jobs)
}

/// As [`logits`], of the tensor `tokens` in a file.
pub fn logits_of(tokens: &Path, jobs: &[(PathBuf, Option<PathBuf>)]) -> Vec<Tensor> {
    let work = tempfile::tempdir().unwrap();
    let out = |number: usize| work.path().join(format!("{number}.safetensors"));
    let jobs: Vec<_> = jobs
        .iter()
        .enumerate()
        .map(|(number, (model, adapter))| {
            json!({
                "model": model,
                "adapter": adapter,
                "tokens": tokens,
                "out": out(number),
            })
        })
        .collect();
    let file = work.path().join("jobs.json");
    std::fs::write(&file, json!(jobs).to_string()).unwrap();
    run("oracle.py", "answer", &file);
    let read = |number| Weights::open_file(&out(number)).unwrap().read_any("logits").unwrap();
    (0..jobs.len()).map(read).collect()
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap()
}

/// The originals' Python.
fn python() -> PathBuf {
    let python = std::env::var_os("PARITY_PYTHON")
        .map_or_else(|| root().join("target/parity/venv/bin/python"), PathBuf::from);
    assert!(python.exists(), "{} is missing: `make test` makes it", python.display());
    python
}

/// The folder of a package of that Python.
pub fn package(name: &str) -> PathBuf {
    let code =
        "import importlib.util as u, sys; print(u.find_spec(sys.argv[1]).submodule_search_locations[0])";
    let output = Command::new(python()).args(["-c", code, name]).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap().trim().into()
}

/// Runs a script of this folder with a command and a path.
pub fn run(script: &str, command: &str, argument: &Path) {
    let output = Command::new(python())
        .arg(root().join("trainer/tests/parity").join(script))
        .arg(command)
        .arg(argument)
        .env("HF_HUB_OFFLINE", "1")
        .output()
        .unwrap();
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{script} {command} failed:\n{errors}");
    // Loading only warns of keys that do not fit; here that is a failure.
    for sign in ["MISSING", "UNEXPECTED", "missing adapter keys"] {
        assert!(!errors.contains(sign), "{script} {command} complains:\n{errors}");
    }
}
