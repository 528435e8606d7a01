//! Lists the files of the built page, so that the crate embeds them.

use std::env;
use std::error::Error;
use std::fmt::Write as _;
use std::fs;
use std::path::Path;

fn main() -> Result<(), Box<dyn Error>> {
    let dist = Path::new(&env::var("CARGO_MANIFEST_DIR")?).join("../dist");
    println!("cargo::rerun-if-changed={}", dist.display());
    let mut table = String::from("[\n");
    if cfg!(feature = "page") {
        let missing =
            || format!("{}: no built page; run scripts/console.sh, or build without `page`", dist.display());
        let entries = fs::read_dir(&dist).map_err(|_| missing())?;
        let mut names =
            entries.map(|entry| Ok(entry?.file_name())).collect::<Result<Vec<_>, std::io::Error>>()?;
        names.sort();
        for name in names {
            let path = dist.join(&name).canonicalize()?;
            println!("cargo::rerun-if-changed={}", path.display());
            writeln!(table, "({:?}, include_bytes!({path:?}) as &[u8]),", name.to_string_lossy())?;
        }
    }
    table.push(']');
    Ok(fs::write(Path::new(&env::var("OUT_DIR")?).join("files.rs"), table)?)
}
