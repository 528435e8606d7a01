//! `compare` on archives made from the recorded runs, and on damaged ones.
#![allow(clippy::unwrap_used, reason = "clippy exempts tests, but not their helpers")]

mod support;

use std::fs::{self, File};
use std::io::Write as _;
use std::path::{Path, PathBuf};

use flate2::Compression;
use flate2::write::GzEncoder;
use serde_json::json;
use support::{analysis, recorded, result, trace, write_episode};

fn archive_of(folder: &Path, name: &str, archive: &Path) {
    let mut tar = tar::Builder::new(GzEncoder::new(File::create(archive).unwrap(), Compression::default()));
    tar.append_dir_all(name, folder).unwrap();
    tar.into_inner().unwrap().finish().unwrap();
}

/// An archive of one file, with the path as it is given.
fn archive_of_file(path: &[u8], content: &[u8], archive: &Path) {
    let mut header = tar::Header::new_gnu();
    header.as_gnu_mut().unwrap().name[..path.len()].copy_from_slice(path);
    header.set_size(content.len() as u64);
    header.set_entry_type(tar::EntryType::Regular);
    header.set_cksum();
    let mut tar = tar::Builder::new(GzEncoder::new(File::create(archive).unwrap(), Compression::default()));
    tar.append(&header, content).unwrap();
    tar.into_inner().unwrap().finish().unwrap();
}

fn compare(a: &Path, b: &Path) -> support::Outcome {
    analysis(&[Path::new("compare"), a, b])
}

fn recorded_archives(folder: &Path) -> [PathBuf; 2] {
    ["persistent", "stateless"].map(|name| {
        let archive = folder.join(format!("{name}.tar.gz"));
        archive_of(&recorded(name), name, &archive);
        archive
    })
}

#[test]
fn recorded_archives_paired_by_task() {
    let folder = tempfile::tempdir().unwrap();
    let [a, b] = recorded_archives(folder.path());
    let outcome = compare(&a, &b).succeeded();
    // From numpy: mean, std, median, min and max of 100 * score.
    // A: 86.44900 14.60137 92.05763 66.50943 100; B: 78.39248 17.12134 74.25058 60.37736 100;
    // A - B: 8.05653 12.80504 3.06604 0 36.01896.
    assert_eq!(outcome.row("A: persistent"), ["86.45", "14.60", "92.06", "66.51", "100.00", "2"]);
    assert_eq!(outcome.row("B: stateless"), ["78.39", "17.12", "74.25", "60.38", "100.00", "1"]);
    assert_eq!(outcome.row("A - B"), ["8.06", "12.81", "3.07", "0.00", "36.02", "1"]);
    // scipy.stats.wilcoxon: statistic 0, p 0.25. All three pairs that differ favour A.
    assert!(outcome.stdout.contains("W = 0, p = 0.2500 (exact; 3 pairs differ, 3 do not)"));
    assert!(outcome.stdout.contains("rank-biserial: +1.000"));
    assert!(
        outcome.stdout.starts_with("Pairs: 6; unpaired: 0 in A, 0 in B; without a score: 0 in A, 0 in B")
    );
    // With A and B swapped, the effect has the other sign.
    assert!(compare(&b, &a).succeeded().stdout.contains("rank-biserial: -1.000"));
    // A folder and an archive made of it give the same result.
    assert_eq!(compare(&recorded("persistent"), &recorded("stateless")).succeeded().stdout, outcome.stdout);
}

#[test]
fn unpaired_and_unscored_tasks_are_counted() {
    let folder = tempfile::tempdir().unwrap();
    let (a, b) = (folder.path().join("a"), folder.path().join("b"));
    let failed =
        json!({"status": "failed", "error": "x", "result": null, "started_at": 0.0, "finished_at": 0.0});
    for index in 0..4 {
        write_episode(&a, "x", index, &result(true, 1.0), &trace(&[]));
    }
    write_episode(&b, "x", 0, &result(false, 0.5), &trace(&[]));
    write_episode(&b, "x", 1, &failed, &trace(&[]));
    write_episode(&b, "x", 9, &result(true, 1.0), &trace(&[]));
    let outcome = compare(&a, &b).succeeded();
    let counts = "Pairs: 1; unpaired: 3 in A, 1 in B; without a score: 0 in A, 1 in B\n";
    assert!(outcome.stdout.starts_with(counts), "{}", outcome.stdout);
    assert_eq!(outcome.row("A - B"), ["50.00", "0.00", "50.00", "50.00", "50.00", "1"]);
}

#[test]
fn agents_of_one_run_are_chosen_by_name() {
    let folder = tempfile::tempdir().unwrap();
    let run = folder.path().to_str().unwrap();
    write_episode(folder.path(), "codeact", 0, &result(true, 1.0), &trace(&[]));
    write_episode(folder.path(), "react", 0, &result(false, 0.25), &trace(&[]));
    let outcome = analysis(&["compare", run, run, "--agent-a", "codeact", "--agent-b", "react"]).succeeded();
    assert_eq!(outcome.row("A: codeact")[0], "100.00");
    assert_eq!(outcome.row("B: react")[0], "25.00");
    analysis(&["compare", run, run]).refused(&["several conditions", "/codeact, ", "/react", "--agent-a"]);
    analysis(&["compare", run, run, "--agent-a", "teacher"])
        .refused(&["no agent named teacher; there are: codeact, react"]);
}

#[test]
fn damaged_archives_are_refused_by_name() {
    let folder = tempfile::tempdir().unwrap();
    let [whole, other] = recorded_archives(folder.path());
    let bytes = fs::read(&whole).unwrap();
    let damaged = folder.path().join("damaged.tar.gz");
    // Cut in the middle, and in the checksum after the last entry.
    for length in [bytes.len() / 2, bytes.len() - 4] {
        fs::write(&damaged, &bytes[..length]).unwrap();
        compare(&damaged, &other).refused(&["damaged.tar.gz: the archive is cut short"]);
    }
    fs::write(&damaged, "no archive at all").unwrap();
    compare(&other, &damaged).refused(&["damaged.tar.gz: not a gzip-compressed tar archive"]);
    let mut gzip = GzEncoder::new(File::create(&damaged).unwrap(), Compression::default());
    gzip.write_all(&[b'x'; 2000]).unwrap();
    gzip.finish().unwrap();
    compare(&damaged, &other).refused(&["damaged.tar.gz: not a gzip-compressed tar archive"]);
    compare(&folder.path().join("absent.tar.gz"), &other).refused(&["reading ", "absent.tar.gz"]);
}

#[test]
fn archives_without_comparable_results_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    let [_, other] = recorded_archives(folder.path());
    let archive = folder.path().join("a.tar.gz");
    archive_of_file(b"notes.txt", b"none", &archive);
    compare(&archive, &other).refused(&["a.tar.gz: no results found", "results/<agent>/<family>/"]);
    archive_of_file(b"results/a/knapsack/k-1.json", b"{", &archive);
    compare(&archive, &other)
        .refused(&["a.tar.gz: results/a/knapsack/k-1.json: EOF", "none of its 1 results has a score"]);
    archive_of_file(b"results/a/knapsack/k-1.json", result(true, 1.0).to_string().as_bytes(), &archive);
    compare(&archive, &other).refused(&["no scored task in common", "k-1 and knapsack-0000000000"]);
}

#[test]
fn an_entry_that_points_outside_is_only_a_name() {
    let folder = tempfile::tempdir().unwrap();
    let inside = folder.path().join("deep/er");
    fs::create_dir_all(&inside).unwrap();
    let archive = inside.join("a.tar.gz");
    archive_of_file(b"../../escaped.json", result(true, 1.0).to_string().as_bytes(), &archive);
    let outcome = compare(&archive, &archive).succeeded();
    assert_eq!(outcome.row("A: a")[0], "100.00");
    assert!(outcome.stdout.contains("Every pair has equal scores"));
    assert!(!folder.path().join("escaped.json").exists());
}
