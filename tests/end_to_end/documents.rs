//! README.md, ARCHITECTURE.md and CONTRIBUTING.md tell the truth where a program can check it.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::{Deserializer, Value, json};
use tests::{EnvServer, program, root, tiny_tasks};

const DOCUMENTS: [&str; 3] = ["README.md", "ARCHITECTURE.md", "CONTRIBUTING.md"];

fn text(name: &str) -> String {
    fs::read_to_string(root().join(name)).unwrap()
}

/// What stands in single backticks.
fn quoted(text: &str) -> impl Iterator<Item = &str> {
    text.lines().filter(|line| !line.starts_with("    ")).flat_map(|line| line.split('`').skip(1).step_by(2))
}

#[test]
fn every_path_that_is_named_is_there() {
    // Made by commands that the documents tell of, or a pattern.
    let made = ["target/", "runs/", ".libtorch", "node_modules", "NAME", "KIND-KEY", "~", "$"];
    let mut checked = 0;
    for document in DOCUMENTS {
        let text = text(document);
        let links = text.split("](").skip(1).filter_map(|rest| rest.split([')', '#']).next());
        let links = links.filter(|link| !link.is_empty() && !link.contains("://"));
        let paths = quoted(&text).filter(|word| word.contains('/') && !word.contains([' ', ':', '*', '<']));
        // The sections on the sandbox and the trainer say that their paths are relative to these folders.
        let crates = ["", "env-server/sandbox", "trainer/src"];
        for path in links.chain(paths).filter(|path| !made.iter().any(|part| path.contains(part))) {
            let there = crates.iter().any(|folder| root().join(folder).join(path).exists());
            assert!(there, "{document} names {path}, which is not there");
            checked += 1;
        }
    }
    assert!(checked > 100, "only {checked} paths were found");
}

#[tokio::test]
async fn the_first_episode_of_the_readme_is_the_example_and_runs() {
    let example = text("client/examples/first_episode.rs");
    let code = &example[example.find("use std::").unwrap()..];
    assert!(text("README.md").contains(&format!("```rust\n{code}```")), "README.md has another program");

    let python = text("client/examples/first_episode.py");
    assert!(text("README.md").contains(&format!("```python\n{python}```")), "README.md has another program");

    let tasks = tiny_tasks();
    let server = EnvServer::start(&[tasks.path()], &[]).await;
    let output = Command::new(program("examples/first_episode")).arg(&server.url).output().unwrap();
    let said = String::from_utf8(output.stdout).unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    assert!(said.contains(r#"{"class":"#) && said.contains("is_solved: false"), "{said}");
}

/// The very lines, run by a shell, but for the server's address.
#[tokio::test]
async fn the_episode_with_curl_runs_as_the_readme_shows_it() {
    let readme = text("README.md");
    let (_, rest) = readme.split_once("```sh\n").unwrap();
    let (lines, _) = rest.split_once("```").unwrap();
    assert_eq!(lines.lines().filter(|line| line.starts_with("curl ")).count(), 5, "{lines}");
    let tasks = tiny_tasks();
    let server = EnvServer::start(&[tasks.path()], &[]).await;
    assert!(lines.contains("http://127.0.0.1:50051"), "{lines}");
    let lines = lines.replace("http://127.0.0.1:50051", &server.url);
    let output = Command::new("sh").args(["-e", "-c", &lines]).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let answers: Vec<Value> =
        Deserializer::from_slice(&output.stdout).into_iter().collect::<Result<_, _>>().unwrap();
    let [created, first, second, third, closed] = answers.as_slice() else { panic!("{answers:?}") };
    assert_eq!(created["episodeId"], "by-hand");
    assert_eq!(first["observation"]["globals"], json!(["ids"]));
    assert!(second["observation"]["output"].as_str().unwrap().starts_with("{\"class\":"), "{second}");
    assert_eq!((&third["terminated"], &third["endReason"]), (&json!(true), &json!("END_REASON_FINISHED")));
    assert_eq!((&closed["endReason"], &closed["steps"]), (&json!("END_REASON_FINISHED"), &json!("3")));
}

#[test]
fn every_environment_variable_is_in_the_table() {
    let text = text("CONTRIBUTING.md");
    let documented: BTreeSet<&str> = quoted(&text).collect();
    let mut read = BTreeSet::new();
    let mut folders = vec![root().to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            let name = path.file_name().unwrap().to_string_lossy().into_owned();
            if path.is_dir() && !name.starts_with('.') && !["target", "runs"].contains(&name.as_str()) {
                folders.push(path);
            } else if name.ends_with(".rs") {
                read.extend(variables(&path));
            }
        }
    }
    // Set by cargo for build scripts, not by people.
    for variable in ["CARGO_MANIFEST_DIR", "DEP_TCH_LIBTORCH_LIB", "OUT_DIR"] {
        read.remove(variable);
    }
    assert!(read.contains("PARITY_PYTHON"), "{read:?}");
    for variable in &read {
        assert!(documented.contains(variable.as_str()), "{variable} is not in CONTRIBUTING.md");
    }
}

/// The environment variables that a file reads by name.
fn variables(path: &PathBuf) -> Vec<String> {
    let text = fs::read_to_string(Path::new(path)).unwrap();
    let calls = ["env::var(\"", "env::var_os(\""].into_iter().flat_map(|call| text.split(call).skip(1));
    calls.filter_map(|rest| rest.split('"').next()).map(str::to_owned).collect()
}
