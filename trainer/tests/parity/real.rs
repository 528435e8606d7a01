//! A real model, SmolLM2-135M-Instruct, compared with transformers. `scripts/smollm2.sh` makes its folder, which needs
//! vLLM's Python, so this runs only on request: `cargo test --release -p trainer --test parity -- --ignored`.

use std::path::{Path, PathBuf};

use tch::Kind;
use trainer::chat::Rendering;
use trainer::model::folder::{Options, copy_companions, load, save};
use trainer::model::{Batch, ModelType};
use trainer::tokenizer::Tokenizer;
use trainer::weights::{MAX_SHARD_BYTES, write_file};

use crate::{assert_close, data, generation, oracle};

fn folder() -> PathBuf {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../target/smollm2");
    assert!(folder.exists(), "{} is missing: scripts/smollm2.sh makes it", folder.display());
    folder
}

/// The tokens of conversations, each to where its answer begins.
fn prompts() -> Vec<Vec<i64>> {
    let tokenizer = Tokenizer::read(&folder()).unwrap();
    let rendering = Rendering { add_generation_prompt: true, ..Rendering::default() };
    let render =
        |messages: &Vec<_>| tokenizer.encode(&tokenizer.render(messages, rendering).unwrap()).unwrap();
    data::conversations().iter().map(render).collect()
}

#[test]
#[ignore = "needs the folder of scripts/smollm2.sh"]
fn its_tokenizer_and_chat_template_are_theirs() {
    let (tokenizer, theirs) = data::check_tokenizer(&folder());
    assert!(tokenizer.end_ids().contains(&theirs["end"].as_i64().unwrap()));
}

#[test]
#[ignore = "needs the folder of scripts/smollm2.sh"]
fn its_logits_and_answers_are_theirs() {
    // 1. In f32: a copy, because transformers computes in the type of the folder.
    let work = tempfile::tempdir().unwrap();
    let copy = work.path().join("f32");
    let float = load(&folder(), &Options { kind: Some(Kind::Float), ..crate::options() }).unwrap();
    save(&float, &copy, MAX_SHARD_BYTES).unwrap();
    copy_companions(&folder(), &copy).unwrap();
    let half = load(&folder(), &crate::options()).unwrap();
    assert_eq!((half.kind(), half.config().model_type), (Kind::BFloat16, ModelType::Llama));
    for prompt in prompts() {
        let batch = Batch::packed(&[&prompt], crate::device());
        let file = work.path().join("tokens.safetensors");
        write_file(&file, vec![("tokens".to_owned(), batch.tokens.shallow_clone())]).unwrap();
        let theirs = oracle::logits_of(&file, &[(copy.clone(), None), (folder(), None)]);
        assert_close("f32", &float.forward(&batch), &theirs[0], 1e-3);
        // 2. In bf16, as in the tests of small models.
        let largest = theirs[1].to_kind(Kind::Float).abs().max().double_value(&[]);
        assert_close("bf16", &half.forward(&batch), &theirs[1], largest / 64.0);
    }
    // 3. Greedy answers.
    let answers = generation::ours(&copy, &[None], &prompts());
    assert_eq!(answers, generation::theirs(&[(&copy, None)], &prompts()));
}
