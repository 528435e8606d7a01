//! `trainer init`.

use std::path::Path;

use trainer::model::folder::{Options, load};
use trainer::tokenizer::Tokenizer;

use crate::trainer;

/// The study's pattern: an opaque id becomes tokens of two hexadecimal characters, a two-digit number one
/// token.
const STUDY: &str = r"(?<=item_|item_..)[0-9a-f]{2}| ?[0-9]{1,2}| ?\p{L}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+";

fn corpus(folder: &Path) -> String {
    let path = folder.join("corpus.txt");
    let items: String = (0..256).map(|n| format!("item_{n:02x}{:02x}, {}\n", 255 - n, n % 100)).collect();
    std::fs::write(&path, format!("{items}Grüße, 日本語\n").repeat(3)).unwrap();
    path.display().to_string()
}

#[test]
fn the_same_texts_and_seed_give_the_same_bytes() {
    let work = tempfile::tempdir().unwrap();
    let corpus = corpus(work.path());
    let make = |name: &str, seed: &str| {
        let out = work.path().join(name);
        let size = ["--hidden-size", "32", "--layers", "1", "--vocab-size", "700", "--seed", seed];
        trainer(&[&["init", "--text", &corpus, "--out", out.to_str().unwrap()], &size[..]].concat()).unwrap();
        let mut files: Vec<_> = std::fs::read_dir(&out)
            .unwrap()
            .map(|entry| entry.unwrap())
            .map(|entry| (entry.file_name(), std::fs::read(entry.path()).unwrap()))
            .collect();
        files.sort();
        files
    };
    let first = make("a", "1");
    assert_eq!(first.len(), 6);
    assert_eq!(first, make("b", "1"));
    let other = make("c", "2");
    let differ: Vec<_> = first.iter().zip(&other).filter(|(a, b)| a != b).map(|(a, _)| &a.0).collect();
    assert_eq!(differ, ["model.safetensors"]);
}

#[test]
fn a_regex_decides_what_a_token_is() {
    let work = tempfile::tempdir().unwrap();
    let corpus = corpus(work.path());
    let out = work.path().join("model");
    let said = trainer(&[
        "init",
        "--text",
        &corpus,
        "--out",
        out.to_str().unwrap(),
        "--split",
        STUDY,
        "--vocab-size",
        "5000",
        "--hidden-size",
        "32",
        "--layers",
        "1",
        "--untied",
    ])
    .unwrap();
    let tokenizer = Tokenizer::read(&out).unwrap();
    let parts = |text: &str| -> Vec<String> {
        let ids = tokenizer.encode(text).unwrap();
        ids.iter().map(|id| tokenizer.decode(&[*id], false).unwrap()).collect()
    };
    assert_eq!(parts("item_3f9a, 42"), ["item", "_", "3f", "9a", ",", " 42"]);
    assert_eq!(parts("<|im_start|>item"), ["<|im_start|>", "item"]);
    for text in ["Grüße, 日本語 👍🏽\u{0}", "item_\n\n  x"] {
        assert_eq!(tokenizer.decode(&tokenizer.encode(text).unwrap(), false).unwrap(), text);
    }
    // The texts have fewer than 5000 pairs: the model gets the tokenizer's vocabulary, and a note is printed.
    let size = tokenizer.vocabulary_size();
    assert!(size < 5000 && said.contains(&format!("no more than {size} tokens, not 5000")), "{said}");
    let model = load(&out, &Options::default()).unwrap();
    assert_eq!(model.config().vocab_size, size as i64);
    assert!(!model.config().tie_word_embeddings);
    assert_eq!(model.config().other["max_position_embeddings"], 4096);
}

#[test]
fn sizes_that_cannot_be_name_their_flag() {
    let work = tempfile::tempdir().unwrap();
    let corpus = corpus(work.path());
    let out = work.path().join("model").display().to_string();
    let init = |options: &[&str]| trainer(&[&["init", "--text", &corpus, "--out", &out], options].concat());
    for (flag, value, problem) in [
        ("--vocab-size", "258", "at least 259"),
        ("--hidden-size", "0", "at least 1"),
        ("--layers", "0", "at least 1"),
        ("--heads", "0", "at least 1"),
        ("--kv-heads", "3", "must divide --heads (4), is 3"),
        ("--head-dim", "7", "must be even"),
        ("--intermediate-size", "0", "at least 1"),
        ("--context-length", "0", "at least 1"),
        ("--rope-theta", "0", "above zero"),
        ("--init-std", "NaN", "above zero"),
        ("--split", "(", "\"(\""),
    ] {
        let said = init(&[flag, value]).unwrap_err();
        assert!(said.contains(&format!("error: {flag}: ")) && said.contains(problem), "{said}");
    }
    assert!(!Path::new(&out).exists(), "nothing was written");
    let empty = work.path().join("empty.jsonl");
    std::fs::write(&empty, "\n").unwrap();
    let said = trainer(&["init", "--chat", empty.to_str().unwrap(), "--out", &out]).unwrap_err();
    assert!(said.contains("nothing to learn from"), "{said}");
    let said = trainer(&["init", "--skip-bad", "--out", &out]).unwrap_err();
    assert!(said.contains("--traces") && said.contains("--chat") && said.contains("--text"), "{said}");
    std::fs::create_dir(&out).unwrap();
    std::fs::write(Path::new(&out).join("mine"), "").unwrap();
    assert!(init(&[]).unwrap_err().contains("not empty"));
}
