//! Answers are the same with and without cache, alone and in a batch; where they end; their
//! log-probabilities.

use std::path::Path;
use std::sync::Arc;

use serde_json::json;
use tch::{Kind, Tensor};
use trainer::generate::{
    Answer, Engine, Error, Event, Finish, Generation, Handle, Options, Request, Sampling, StoppedBy, run_here,
};
use trainer::lora;
use trainer::model::folder::{self, load};
use trainer::model::{self, Batch, Model};
use trainer::tokenizer::Tokenizer;

use crate::chatty;

const OPTIONS: Options = Options { max_batch: 4, context: 256, queue: 64 };

fn engine_of(folder: &Path, options: Options, loading: &model::folder::Options) -> trainer::Result<Engine> {
    tch::set_num_threads(1);
    Engine::start(load(folder, loading).unwrap(), Arc::new(Tokenizer::read(folder).unwrap()), options)
}

fn engine(folder: &Path, options: Options) -> Engine {
    engine_of(folder, options, &folder::Options::default()).unwrap()
}

fn greedy(tokens: &[i64], max_tokens: usize) -> Request {
    Request { tokens: tokens.to_vec(), max_tokens: Some(max_tokens), ignore_end: true, ..Request::default() }
}

fn prompt(number: i64, length: i64) -> Vec<i64> {
    (0..length).map(|place| (place * 7 + number * 31) % 250).collect()
}

fn answer(handle: &Handle, request: Request) -> Answer {
    handle.generate(request).unwrap().blocking_whole().unwrap()
}

/// Waits for the first piece of an answer.
fn begun(generation: &mut Generation) {
    assert!(matches!(generation.blocking_next().unwrap(), Event::Piece(_)));
}

/// Greedy decoding without a cache: a full pass for each token.
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
    for nf4 in [false, true] {
        let options = folder::Options { nf4, ..Default::default() };
        let model = load(&folder, &options).unwrap();
        let engine = engine_of(&folder, OPTIONS, &options).unwrap();
        for tokens in [vec![5], prompt(1, 40)] {
            let expected = without_cache(&model, &tokens, 24);
            let found = answer(engine.handle(), greedy(&tokens, 24));
            assert_eq!(found.ids, expected, "in four bits: {nf4}");
            assert_eq!((found.finish, found.prompt_tokens), (Finish::Length, tokens.len()));
            assert!(expected.iter().collect::<std::collections::BTreeSet<_>>().len() > 3, "{expected:?}");
        }
    }
}

#[test]
fn company_changes_nothing() {
    let (work, folder) = chatty::folder();
    let adapters = ["even", "odd"].map(|name| (name, work.path().join(name)));
    let options = Options { max_batch: 3, ..OPTIONS };
    let engine = engine(&folder, options);
    let mut alone = vec![load(&folder, &folder::Options::default()).unwrap()];
    for (number, (name, path)) in adapters.iter().enumerate() {
        chatty::adapter(&folder, path, number as u8, 3 + number as i64);
        engine.handle().load(name, path, false).unwrap();
        let mut model = load(&folder, &folder::Options::default()).unwrap();
        lora::load(&mut model, path).unwrap();
        alone.push(model);
    }

    // Nine answers of different lengths in a batch of three; each except the first starts while another is
    // under way.
    let names = [None, Some("even"), Some("odd")];
    let requests: Vec<(usize, Request)> = (0..9)
        .map(|number| {
            let which = number % 3;
            let tokens = prompt(number as i64, 3 + 11 * (number as i64 % 4));
            let request = greedy(&tokens, 5 + (number * 7) % 20);
            (which, Request { adapter: names[which].map(str::to_owned), ..request })
        })
        .collect();
    let mut under_way: Vec<Generation> = vec![];
    for (_, request) in &requests {
        let mut generation = engine.handle().generate(request.clone()).unwrap();
        if under_way.len() < options.max_batch {
            begun(&mut generation);
        }
        under_way.push(generation);
    }
    let mut found = vec![];
    for ((which, request), generation) in requests.iter().zip(under_way) {
        let ids = generation.blocking_whole().unwrap().ids;
        assert_eq!(ids, without_cache(&alone[*which], &request.tokens, request.max_tokens.unwrap()));
        found.push(ids);
    }
    // The adapters have an effect.
    let base = without_cache(&alone[0], &requests[1].1.tokens, requests[1].1.max_tokens.unwrap());
    assert_ne!(found[1], base);
}

#[test]
fn a_long_prompt_is_read_while_others_write_and_leave() {
    let (_work, folder) = chatty::folder();
    let model = load(&folder, &folder::Options::default()).unwrap();
    let engine = engine(&folder, Options { max_batch: 4, context: 2048, queue: 8 });
    let ask = |tokens: &[i64], count| engine.handle().generate(greedy(tokens, count)).unwrap();
    let counts = [1, 3, 25];
    let others: Vec<_> = (0i64..).zip(counts).map(|(number, count)| ask(&prompt(number, 5), count)).collect();
    let abandoned = ask(&prompt(8, 1300), 4);
    let tokens = prompt(9, 1300); // prefilled in three chunks
    let long = ask(&tokens, 8);
    drop(abandoned);
    assert_eq!(long.blocking_whole().unwrap().ids, without_cache(&model, &tokens, 8));
    for ((number, count), other) in (0i64..).zip(counts).zip(others) {
        assert_eq!(other.blocking_whole().unwrap().ids, without_cache(&model, &prompt(number, 5), count));
    }
}

#[test]
fn seeds_repeat_whatever_the_company() {
    let (_work, folder) = chatty::folder();
    let engine = engine(&folder, OPTIONS);
    let sampling = |seed| Sampling { temperature: 1.5, top_p: 0.9, top_k: 50, seed };
    let request = |seed| Request { sampling: sampling(seed), ..greedy(&prompt(0, 9), 30) };
    let alone = answer(engine.handle(), request(Some(7))).ids;
    let crowd: Vec<Generation> = [Some(8), None, Some(7), None]
        .map(|seed| engine.handle().generate(request(seed)).unwrap())
        .into_iter()
        .collect();
    let crowd: Vec<Vec<i64>> = crowd.into_iter().map(|one| one.blocking_whole().unwrap().ids).collect();
    assert_eq!(crowd[2], alone);
    assert_ne!(crowd[0], alone);
    assert_ne!(crowd[1], crowd[3], "without a seed, answers differ");
}

#[test]
fn stops_end_an_answer_before_them() {
    let (_work, folder) = chatty::folder();
    let engine = engine(&folder, OPTIONS);
    let request = Request {
        sampling: Sampling { temperature: 1.0, seed: Some(3), ..Sampling::default() },
        ..greedy(&prompt(2, 9), 60)
    };
    let free = answer(engine.handle(), request.clone());
    let letters: Vec<(usize, char)> = free.text.char_indices().collect();
    assert!(letters.len() > 25, "{:?}", free.text);
    // Strings of one to five characters that span tokens.
    for (start, count) in [(3, 5), (10, 1), (20, 3)] {
        let stop = &free.text[letters[start].0..letters[start + count].0];
        let place = free.text.find(stop).unwrap();
        let request = Request { stop: vec!["never to be seen".into(), stop.into()], ..request.clone() };
        let mut generation = engine.handle().generate(request).unwrap();
        let mut streamed = String::new();
        let last = loop {
            match generation.blocking_next().unwrap() {
                Event::Piece(piece) => streamed.push_str(&piece.text),
                Event::End(answer) => break answer,
            }
        };
        assert_eq!((&last.text, &streamed), (&free.text[..place].to_owned(), &last.text));
        assert_eq!(last.finish, Finish::Stop);
        assert_eq!(last.stopped_by, Some(StoppedBy::Text(stop.to_owned())));
        assert!(last.ids.len() < free.ids.len() && free.ids.starts_with(&last.ids));
    }

    // A stop token of the request, and an end token of the model.
    let token = free.ids[12];
    let until = free.ids.iter().position(|id| *id == token).unwrap() + 1;
    let stopped = answer(engine.handle(), Request { stop_ids: [token].into(), ..request.clone() });
    assert_eq!((&stopped.ids[..], stopped.finish), (&free.ids[..until], Finish::Stop));
    assert_eq!(stopped.stopped_by, Some(StoppedBy::Token(token)));
    std::fs::write(folder.join("generation_config.json"), json!({ "eos_token_id": [token] }).to_string())
        .unwrap();
    let engine = self::engine(&folder, OPTIONS);
    let ended = answer(engine.handle(), Request { ignore_end: false, ..request.clone() });
    assert_eq!((&ended.ids, ended.finish, ended.stopped_by), (&stopped.ids, Finish::Stop, None));
    assert_eq!(answer(engine.handle(), request).ids, free.ids);
}

#[test]
fn logprobs_are_those_of_a_whole_pass() {
    let (_work, folder) = chatty::folder();
    let model = load(&folder, &folder::Options::default()).unwrap();
    let engine = engine(&folder, OPTIONS);
    // Longer than the number of rows whose logits are held at once.
    let tokens = prompt(4, 90);
    // Another row asks for none, and sampling does not affect the log-probabilities.
    let _other = engine.handle().generate(greedy(&tokens, 40)).unwrap();
    let sampling = Sampling { temperature: 2.0, top_k: 5, seed: Some(1), ..Sampling::default() };
    let request = Request { sampling, logprobs: Some(3), prompt_logprobs: true, ..greedy(&tokens, 12) };
    let found = answer(engine.handle(), request);
    assert_eq!((found.logprobs.len(), found.prompt_logprobs.len()), (12, 89));

    let all = [tokens, found.ids.clone()].concat();
    let logits = tch::no_grad(|| model.forward(&Batch::rows(Tensor::from_slice(&all).unsqueeze(0))));
    let expected = logits.squeeze_dim(0).log_softmax(-1, Kind::Float);
    for (place, told) in found.prompt_logprobs.iter().chain(&found.logprobs).enumerate() {
        let row = expected.get(place as i64);
        assert_eq!(told.id, all[place + 1]);
        assert!((f64::from(told.logprob) - row.double_value(&[told.id])).abs() < 1e-4);
        let (values, ids) = row.topk(3, -1, true, true);
        assert_eq!(told.alternatives.len(), 3);
        for (rank, (id, logprob)) in told.alternatives.iter().enumerate() {
            assert_eq!(*id, ids.int64_value(&[rank as i64]));
            assert!((f64::from(*logprob) - values.double_value(&[rank as i64])).abs() < 1e-4);
        }
    }
}

/// Requests that begin together share batches in their order, so a new engine gives the same log-probabilities to the bit. They are
/// those of the draws if the request asks for that, and those of the model otherwise.
#[test]
fn requests_that_begin_together_repeat_to_the_bit_and_tell_the_probabilities_of_draws() {
    let (_work, folder) = chatty::folder();
    tch::set_num_threads(1);
    let model = load(&folder, &folder::Options::default()).unwrap();
    let tokenizer = Arc::new(Tokenizer::read(&folder).unwrap());
    let sampling = Sampling { temperature: 0.5, seed: Some(8), ..Sampling::default() };
    let request = |number: usize| Request {
        sampling,
        logprobs: Some(0),
        of_draws: number > 0,
        ..greedy(&prompt(number as i64, 20 + 9 * number as i64), 6 + number)
    };
    let play = || {
        run_here(&model, &tokenizer, OPTIONS, |handle| {
            let refused = Request { tokens: vec![], ..Request::default() };
            let mut begun = handle.generate_all((0..6).map(request).chain([refused]).collect()).unwrap();
            assert!(begun.pop().unwrap().unwrap_err().to_string().contains("prompt"));
            begun.into_iter().map(|one| one.unwrap().blocking_whole().unwrap()).collect::<Vec<_>>()
        })
        .unwrap()
    };
    let (answers, again) = (play(), play());
    for (number, (answer, again)) in answers.iter().zip(&again).enumerate() {
        assert_eq!((&answer.ids, &answer.logprobs), (&again.ids, &again.logprobs));
        let tokens = request(number).tokens;
        let all = [tokens.clone(), answer.ids.clone()].concat();
        let logits = tch::no_grad(|| model.forward(&Batch::rows(Tensor::from_slice(&all).unsqueeze(0))));
        let divisor = if number > 0 { 0.5 } else { 1.0 };
        let expected = (logits.squeeze_dim(0) / divisor).log_softmax(-1, Kind::Float);
        for (place, told) in answer.logprobs.iter().enumerate() {
            let row = expected.get((tokens.len() + place - 1) as i64);
            assert!((f64::from(told.logprob) - row.double_value(&[told.id])).abs() < 1e-4, "{number}");
        }
    }
    let nothing_drawn = Request { of_draws: true, ..greedy(&prompt(1, 5), 2) };
    let told = run_here(&model, &tokenizer, OPTIONS, |handle| handle.generate(nothing_drawn).unwrap_err());
    assert!(told.unwrap().to_string().contains("temperature"));
}

#[test]
fn what_was_computed_is_used_again() {
    let (work, folder) = chatty::folder();
    let [one, two] = ["one", "two"].map(|name| work.path().join(name));
    chatty::adapter(&folder, &one, 0, 4);
    chatty::adapter(&folder, &two, 2, 4);
    let engine = engine(&folder, Options { max_batch: 2, ..OPTIONS });
    let fresh = |request: &Request| {
        let engine = self::engine(&folder, OPTIONS);
        engine.handle().load("a", &one, false).unwrap();
        answer(engine.handle(), request.clone())
    };
    engine.handle().load("a", &one, false).unwrap();
    let with_adapter = |request| Request { adapter: Some("a".to_owned()), ..request };

    // A second turn: the first prompt, its answer, and an observation.
    let first = greedy(&prompt(0, 20), 10);
    let answered = answer(engine.handle(), first.clone());
    let turn = [first.tokens.clone(), answered.ids.clone(), prompt(3, 8)].concat();
    let second = greedy(&turn, 10);
    let found = answer(engine.handle(), second.clone());
    // All tokens except the last one of the answer, which was never processed.
    assert_eq!(found.cached_tokens, 29);
    assert_eq!(found.ids, fresh(&second).ids);
    // The same prompt again: all tokens except the last. Adapters do not share cached tokens.
    assert_eq!(answer(engine.handle(), second.clone()).cached_tokens, turn.len() - 1);
    let adapted = with_adapter(second.clone());
    let found = answer(engine.handle(), adapted.clone());
    assert_eq!((found.cached_tokens, &found.ids), (0, &fresh(&adapted).ids));
    // Neither does an adapter that replaced another under its name.
    assert_eq!(answer(engine.handle(), adapted.clone()).cached_tokens, turn.len() - 1);
    engine.handle().load("a", &two, true).unwrap();
    let replaced = answer(engine.handle(), adapted);
    assert_eq!(replaced.cached_tokens, 0);
    assert_ne!(replaced.ids, found.ids);
    // Log-probabilities of the prompt need a full pass.
    let asked = Request { prompt_logprobs: true, logprobs: Some(0), ..second };
    assert_eq!(answer(engine.handle(), asked).cached_tokens, 0);
}

#[test]
fn requests_that_begin_together_compute_a_common_prefix_once() {
    let (_work, folder) = chatty::folder();
    let engine = engine(&folder, OPTIONS);
    let request = |number: i64| greedy(&[prompt(0, 40), prompt(number, 9)].concat(), 4);
    let begun = engine.handle().generate_all((1..4).map(request).collect()).unwrap();
    let answers: Vec<Answer> = begun.into_iter().map(|one| one.unwrap().blocking_whole().unwrap()).collect();
    assert_eq!(answers.iter().map(|found| found.cached_tokens).collect::<Vec<_>>(), [0, 40, 40]);
    for (number, found) in (1..).zip(&answers) {
        let alone = self::engine(&folder, OPTIONS);
        assert_eq!(found.ids, answer(alone.handle(), request(number)).ids, "{number}");
    }
}

#[test]
fn an_answer_nobody_waits_for_is_not_finished() {
    let (_work, folder) = chatty::folder();
    let engine = engine(&folder, Options { max_batch: 1, context: 5000, queue: 1 });
    let long = greedy(&prompt(0, 8), 4000);
    let whole = answer(engine.handle(), long.clone());
    // Another request, so that the only slot holds nothing of this one.
    answer(engine.handle(), greedy(&[200], 1));
    let mut dropped = engine.handle().generate(long.clone()).unwrap();
    begun(&mut dropped);
    drop(dropped);
    // The cache shows how many tokens were generated.
    let all = greedy(&[long.tokens, whole.ids].concat(), 1);
    let found = answer(engine.handle(), all);
    assert!((8..3500).contains(&found.cached_tokens), "{} tokens were written", found.cached_tokens);
}

#[test]
fn a_full_queue_refuses_and_empties() {
    let (_work, folder) = chatty::folder();
    let engine = engine(&folder, Options { max_batch: 1, context: 5000, queue: 2 });
    let mut long = engine.handle().generate(greedy(&[1], 4000)).unwrap();
    begun(&mut long);
    let short = || engine.handle().generate(greedy(&[2], 3));
    let waiting = [short().unwrap(), short().unwrap()];
    let full = short().unwrap_err();
    assert!(matches!(full, Error::Full { queue: 2 }), "{full}");
    drop(long);
    for one in waiting {
        assert_eq!(one.blocking_whole().unwrap().ids.len(), 3);
    }
    assert_eq!(short().unwrap().blocking_whole().unwrap().ids.len(), 3);
}

#[test]
fn what_cannot_be_served_is_refused_by_name() {
    let (work, folder) = chatty::folder();
    let engine = engine(&folder, OPTIONS);
    let handle = engine.handle();
    let plain = greedy(&[1, 2, 3], 4);
    let sampling = Sampling { temperature: 1.0, ..Sampling::default() };
    let refuse = |request: Request| handle.generate(request).unwrap_err().to_string();
    for (request, named) in [
        (Request { tokens: vec![], ..plain.clone() }, "`prompt` is empty"),
        (
            Request { tokens: vec![1, chatty::VOCABULARY], ..plain.clone() },
            "`token_ids` has 272; ids are below 272",
        ),
        (Request { tokens: vec![1; 256], ..plain.clone() }, "256 tokens"),
        (Request { stop_ids: [-1].into(), ..plain.clone() }, "`stop_token_ids`"),
        (Request { max_tokens: Some(0), ..plain.clone() }, "`max_tokens`"),
        (Request { logprobs: Some(21), ..plain.clone() }, "`logprobs` is 21"),
        (Request { stop: vec![String::new()], ..plain.clone() }, "`stop`"),
        (Request { stop: vec!["x".into(); 65], ..plain.clone() }, "`stop` has 65"),
        (Request { sampling: Sampling { temperature: -1.0, ..sampling }, ..plain.clone() }, "`temperature`"),
        (
            Request { sampling: Sampling { temperature: f64::NAN, ..sampling }, ..plain.clone() },
            "`temperature`",
        ),
        (Request { sampling: Sampling { top_p: 1.5, ..sampling }, ..plain.clone() }, "`top_p`"),
        (Request { adapter: Some("nobody".into()), ..plain.clone() }, "no adapter `nobody`; loaded: none"),
    ] {
        let message = refuse(request);
        assert!(message.contains(named), "{message}");
    }
    // The longest possible prompt, and an answer cut by the context.
    let full = answer(handle, Request { tokens: prompt(0, 250), max_tokens: None, ..plain.clone() });
    assert_eq!((full.ids.len(), full.finish), (6, Finish::Length));

    // Adapters: a failed load changes nothing.
    let path = work.path().join("adapter");
    chatty::adapter(&folder, &path, 0, 2);
    handle.load("a", &path, false).unwrap();
    let before = handle.adapters();
    assert_eq!((before[0].name.as_str(), before[0].rank, before[0].sha256.len()), ("a", 2, 64));
    assert!(matches!(handle.load("a", &path, false).unwrap_err(), Error::AdapterExists { .. }));
    crate::set(&path.join("adapter_config.json"), "r", json!(5));
    let message = handle.load("a", &path, true).unwrap_err().to_string();
    assert!(message.contains("lora_A"), "{message}");
    assert_eq!(handle.adapters(), before);
    assert!(matches!(handle.unload("b").unwrap_err(), Error::UnknownAdapter { .. }));
    handle.unload("a").unwrap();
    assert_eq!(
        refuse(Request { adapter: Some("a".into()), ..plain.clone() }),
        "there is no adapter `a`; loaded: none"
    );

    // A cache that does not fit into memory.
    let huge = Options { max_batch: 1 << 20, context: 1 << 30, queue: 1 };
    let message = crate::refusal(engine_of(&folder, huge, &folder::Options::default()));
    assert!(message.contains("does not fit") && message.contains("GiB"), "{message}");

    // Requests to a stopped engine fail.
    let handle = handle.clone();
    drop(engine);
    assert!(matches!(handle.generate(plain).unwrap_err(), Error::Stopped));
}

#[test]
fn a_stopped_engine_tells_those_who_wait() {
    let (_work, folder) = chatty::folder();
    let engine = engine(&folder, Options { max_batch: 1, context: 8000, queue: 4 });
    let mut first = engine.handle().generate(greedy(&[1], 7000)).unwrap();
    begun(&mut first);
    let second = engine.handle().generate(greedy(&[2], 5)).unwrap();
    drop(engine);
    let cut = first.blocking_whole().unwrap();
    assert_eq!(cut.finish, Finish::Cancelled);
    assert!(!cut.ids.is_empty() && cut.ids.len() < 7000);
    let never = second.blocking_whole().unwrap();
    assert_eq!((never.finish, never.ids.len()), (Finish::Cancelled, 0));
}
