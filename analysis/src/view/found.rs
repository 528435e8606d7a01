//! Finds the traces and studies below paths.
//!
//! An id is the name of the path that was given, and the path below it. Only what has an id can be read.

use std::collections::{HashMap, HashSet};
use std::path::{Path, PathBuf};

use anyhow::{Context as _, ensure};
use proto::study::{self, Study};
use serde_json::Value;

use crate::load::collect_files;
use crate::results;
use crate::run_files::{self, EpisodeFiles};

/// A study's manifest.
const MANIFEST: &str = "study.json";
/// A study's results in one file.
const RESULTS: &str = "results.json";
/// The ending of a trace's file name.
const TRACE: &str = ".trace.json";

/// A trace that was found.
#[derive(Clone, Debug)]
pub struct FoundTrace {
    /// Its id.
    pub id: String,
    /// The id of its run's folder.
    pub run: String,
    /// Its files.
    pub files: EpisodeFiles,
}

/// A study that was found.
#[derive(Clone, Debug)]
pub struct FoundStudy {
    /// Its id.
    pub id: String,
    /// Its folder, or a file of its results.
    pub path: PathBuf,
    /// The manifest.
    pub study: Study,
    /// For each of the manifest's cells the run that its episodes have in [`FoundTrace::run`], if there are some.
    pub runs: Vec<Option<String>>,
}

/// What was found below some paths.
#[derive(Clone, Debug, Default)]
pub struct Found {
    /// The traces, in order of their ids.
    pub traces: Vec<FoundTrace>,
    /// The studies, in the order in which they were found.
    pub studies: Vec<FoundStudy>,
    /// Labels that are taken.
    labels: HashSet<String>,
    /// Traces that have an id.
    known: HashSet<PathBuf>,
}

impl Found {
    /// Looks below paths: folders of any depth, traces, and files of `analysis collect`.
    ///
    /// # Errors
    /// If a path cannot be read, or nothing is found below it.
    pub fn below(paths: &[PathBuf]) -> anyhow::Result<Self> {
        let mut found = Self::default();
        for path in paths {
            let before = (found.known.len(), found.studies.len());
            let root = path.canonicalize().with_context(|| format!("reading {}", path.display()))?;
            let label = found.label(&root);
            if root.is_dir() {
                found.folder(&root, &label)?;
            } else {
                found.file(&root, &label)?;
            }
            ensure!(
                (found.known.len(), found.studies.len()) != before,
                "{}: no traces found; give a run's folder, a study's, any folder with .trace.json files below it, \
                 such a file, or a file of `analysis collect`",
                path.display()
            );
        }
        found.traces.sort_by(|a, b| a.id.cmp(&b.id));
        Ok(found)
    }

    /// A name for a path that no other one has.
    fn label(&mut self, root: &Path) -> String {
        let name = root.file_name().map_or_else(|| "files".into(), |name| name.to_string_lossy());
        let name = name.strip_suffix(TRACE).unwrap_or(&name);
        let mut label = name.to_owned();
        let mut number = 2;
        while !self.labels.insert(label.clone()) {
            label = format!("{name}-{number}");
            number += 1;
        }
        label
    }

    fn file(&mut self, path: &Path, label: &str) -> anyhow::Result<()> {
        if path.to_string_lossy().ends_with(TRACE) {
            let folder = path.parent().unwrap_or(Path::new("/"));
            let result = PathBuf::from(path.to_string_lossy().replace(TRACE, ".json"));
            let with_result = result.is_file().then_some(result);
            for files in run_files::find(with_result.into_iter().chain([path.to_owned()])) {
                let files_are_known = !self.known.insert(files.trace());
                if !files_are_known {
                    let run = folder.file_name().unwrap_or_default().to_string_lossy().into_owned();
                    self.traces.push(FoundTrace { id: label.to_owned(), run, files });
                }
            }
            return Ok(());
        }
        self.results_file(path, label).with_context(|| path.display().to_string())
    }

    fn folder(&mut self, root: &Path, label: &str) -> anyhow::Result<()> {
        let mut paths = Vec::new();
        collect_files(root, &mut paths)?;
        let named = |name: &str| -> Vec<PathBuf> {
            paths.iter().filter(|path| path.file_name().is_some_and(|is| is == name)).cloned().collect()
        };
        let (manifests, results) = (named(MANIFEST), named(RESULTS));
        self.traces_of(root, label, paths);
        for path in manifests {
            let folder = path.parent().unwrap_or(root);
            self.study(folder, &below(label, root, folder)).with_context(|| path.display().to_string())?;
        }
        for path in results {
            // Another program's file may have this name.
            let _ = self.results_file(&path, &below(label, root, &path));
        }
        Ok(())
    }

    /// Adds the traces among paths.
    fn traces_of(&mut self, root: &Path, label: &str, paths: Vec<PathBuf>) {
        for files in run_files::find(paths).into_iter().filter(|files| files.has_trace) {
            if self.known.insert(files.trace()) {
                let id = format!("{}/{}", below(label, root, &files.folder), files.stem);
                let run = below(label, root, &files.place().run);
                self.traces.push(FoundTrace { id, run, files });
            }
        }
    }

    /// Adds a study, and the runs of its cells, which its folder has as links.
    fn study(&mut self, folder: &Path, id: &str) -> anyhow::Result<()> {
        let value: Value = files::read_json(&folder.join(MANIFEST))?;
        ensure!(
            value["format"] == study::FORMAT,
            "`format` is {}, expected \"{}\"",
            value["format"],
            study::FORMAT
        );
        let study: Study = serde_path_to_error::deserialize(value)?;
        let mut runs = Vec::new();
        for cell in &study.cells {
            let Ok(run) = folder.join(&cell.run).canonicalize() else {
                runs.push(None);
                continue;
            };
            let mut paths = Vec::new();
            collect_files(&run, &mut paths)?;
            self.traces_of(&run, &format!("{id}/{}", cell.run.display()), paths);
            let of_run = self.traces.iter().find(|trace| trace.files.folder.starts_with(&run));
            runs.push(of_run.map(|trace| trace.run.clone()));
        }
        self.studies.push(FoundStudy { id: id.to_owned(), path: folder.to_owned(), study, runs });
        Ok(())
    }

    /// Adds a study of which there are only results.
    fn results_file(&mut self, path: &Path, id: &str) -> anyhow::Result<()> {
        let value: HashMap<String, Value> = files::read_json(path)?;
        let format = value.get("format").unwrap_or(&Value::Null);
        ensure!(
            *format == results::file::FORMAT,
            "`format` is {format}, expected \"{}\": neither a trace nor a file of `analysis collect`",
            results::file::FORMAT
        );
        let study = value.get("study").cloned().unwrap_or_default();
        let study: Study = serde_path_to_error::deserialize(study)?;
        self.studies.push(FoundStudy { id: id.to_owned(), path: path.to_owned(), study, runs: Vec::new() });
        Ok(())
    }
}

/// A path below a root, with the root's label.
fn below(label: &str, root: &Path, path: &Path) -> String {
    match path.strip_prefix(root) {
        Ok(rest) if rest.as_os_str().is_empty() => label.to_owned(),
        Ok(rest) => format!("{label}/{}", rest.display()),
        // A run's folder may be above a root that is deep in it.
        Err(_) => path.file_name().unwrap_or_default().to_string_lossy().into_owned(),
    }
}
