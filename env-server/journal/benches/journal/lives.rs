//! Whole episodes: created, ten steps, closed and deleted; and how long a folder of many open ones takes to open.

use std::fs;
use std::path::Path;
use std::sync::mpsc::channel;
use std::thread;
use std::time::{Duration, Instant};

use journal::{Change, Durability, Identity, Journal, Opened, Options};

use crate::{RECORD, processor_time};

const STEPS: u64 = 10;
const WRITERS: usize = 64;

fn open(folder: &Path, durability: Durability) -> Opened {
    let identity = Identity { interpreter: "bench".to_owned() };
    let options = Options::new(durability, |problem| panic!("{problem}"));
    Journal::open(folder, &identity, options).expect("the journal opens")
}

fn created(key: u64) -> Change {
    let (tenant, id) = ("bench".to_owned(), format!("{key:032}"));
    // A hundred tasks.
    let task = format!("{:02000}", key % 100).into_bytes();
    Change::Created { key, tenant, id, spec: vec![1; 300], task }
}

fn step(key: u64, index: u64) -> Change {
    Change::Step { key, index, body: vec![2; RECORD], end: None }
}

/// Plays whole episodes, and says what one costs.
pub fn play(folder: &Path, durability: Durability, time: Duration) {
    let journal = open(folder, durability).journal;
    let wait_for = |change| {
        let (done, stored) = channel();
        journal.write(change, move |answer| done.send(answer).expect("the writer waits"));
        stored.recv().expect("an answer").expect("it is stored");
    };
    let (began, cpu) = (Instant::now(), processor_time());
    let (episodes, cpu) = thread::scope(|scope| {
        let play = || {
            let mut episodes = 0_u64;
            while began.elapsed() < time {
                let key = journal.new_key();
                wait_for(created(key));
                (0..STEPS).for_each(|index| wait_for(step(key, index)));
                wait_for(Change::Closed { key, tombstone: vec![3; 150] });
                episodes += 1;
            }
            // Its processor time is told as long as it lives.
            thread::sleep(Duration::from_secs(1));
            episodes
        };
        let threads: Vec<_> = (0..WRITERS).map(|_| scope.spawn(play)).collect();
        thread::sleep(time + Duration::from_millis(500));
        let cpu = processor_time() - cpu;
        (threads.into_iter().map(|thread| thread.join().expect("a writer ends")).sum::<u64>(), cpu)
    });
    let stats = journal.stats();
    println!(
        "{durability:?}, {WRITERS} writers, whole episodes of {STEPS} steps: {:.0} steps/s, {:.1} CPU us/step, {:.1} \
         changes/commit, database {} MB, log {} MB",
        (episodes * STEPS) as f64 / time.as_secs_f64(),
        cpu * 1e6 / (episodes * STEPS) as f64,
        stats.changes as f64 / stats.commits as f64,
        stats.database_bytes >> 20,
        stats.log_bytes >> 20,
    );
}

/// Fills a folder with open episodes, and opens it.
pub fn reopen(folder: &Path, episodes: u64) {
    let journal = open(folder, Durability::Process).journal;
    let keys: Vec<_> = (0..episodes).map(|_| journal.new_key()).collect();
    for chunk in keys.chunks(10_000) {
        chunk.iter().for_each(|&key| journal.write(created(key), |stored| assert!(stored.is_ok())));
        for index in 0..STEPS {
            chunk.iter().for_each(|&key| journal.write(step(key, index), |stored| assert!(stored.is_ok())));
            journal.flush().expect("it is stored");
        }
    }
    drop(journal);
    let bytes = fs::metadata(folder.join("episodes.db")).map_or(0, |file| file.len());
    let began = Instant::now();
    let opened = open(folder, Durability::Process);
    let took = began.elapsed();
    assert_eq!(opened.episodes.len() as u64, episodes);
    println!(
        "{episodes} open episodes of {STEPS} steps ({} MB) open in {:.2} s",
        bytes >> 20,
        took.as_secs_f64()
    );
    let began = Instant::now();
    let mut read = 0;
    for episode in opened.episodes.iter().step_by(97).take(1000) {
        read += opened.journal.steps(episode.key, 0..STEPS).expect("the steps").len();
    }
    println!(
        "the steps of one are read in {:.0} us",
        began.elapsed().as_secs_f64() * 1e6 / (read as f64 / STEPS as f64)
    );
}
