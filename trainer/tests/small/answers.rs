//! Answers: the same with and without cache, alone and in company; where they end, and how likely they were.

use std::path::Path;
use std::sync::Arc;

use tch::Tensor;
use trainer::generate::{Answer, Engine, Finish, Handle, Options, Request};

use trainer::model::folder::{self, load};
use trainer::model::{Batch, Model};
use trainer::tokenizer::Tokenizer;

use crate::chatty;

const OPTIONS: Options = Options { max_batch: 4, context: 128, queue: 64 };

fn engine(folder: &Path, options: Options) -> Engine {
    tch::set_num_threads(1);
    let model = load(folder, &folder::Options::default()).unwrap();
    Engine::start(model, Arc::new(Tokenizer::read(folder).unwrap()), options).unwrap()
}

fn greedy(tokens: &[i64], max_tokens: usize) -> Request {
    Request { tokens: tokens.to_vec(), max_tokens: Some(max_tokens), ignore_end: true, ..Request::default() }
}

fn answer(handle: &Handle, request: Request) -> Answer {
    handle.generate(request).unwrap().blocking_whole().unwrap()
}

/// Greedy, each token from a pass over all before it.
fn without_cache(model: &Model, tokens: &[i64], count: usize) -> Vec<i64> {
    let mut all = tokens.to_vec();
    for _ in 0..count {
        let logits = tch::no_grad(|| model.forward(&Batch::rows(Tensor::from_slice(&all).unsqueeze(0))));
        all.push(logits.select(1, -1).argmax(-1, false).int64_value(&[0]));
    }
    all.split_off(tokens.len())
}

#[test]
fn the_cache_changes_nothing() {
    let (_work, folder) = chatty::folder();
    let model = load(&folder, &folder::Options::default()).unwrap();
    let engine = engine(&folder, OPTIONS);
    for tokens in [vec![5], (0..40).map(|number| number * 7 % 60).collect::<Vec<_>>()] {
        let expected = without_cache(&model, &tokens, 24);
        let found = answer(engine.handle(), greedy(&tokens, 24));
        assert_eq!(found.ids, expected);
        assert_eq!((found.finish, found.prompt_tokens), (Finish::Length, tokens.len()));
        assert!(expected.iter().collect::<std::collections::BTreeSet<_>>().len() > 3, "{expected:?}");
    }
}
