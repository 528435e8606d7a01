//! SQLite takes the first frame of its log that is not valid as the log's end. So damage in the middle would silently
//! undo every commit behind it. This is noticed here, before SQLite reads the log.
//!
//! The checksum of a frame continues that of the frame before, which is stored too. So a frame behind a damaged one
//! can still be recognised. (<https://www.sqlite.org/fileformat2.html#the_write_ahead_log>)

use std::fs::File;
use std::io::{self, BufReader, Read};
use std::path::Path;

use crate::database::PAGE;
use crate::tail::Tail;

const HEADER: usize = 32;
const FRAME_HEADER: usize = 24;
const FRAME: usize = FRAME_HEADER + PAGE as usize;
/// The lowest bit says that checksums are of big-endian words.
const MAGIC: u32 = 0x377f_0682;
const VERSION: u32 = 3_007_000;

/// How the run that wrote a log may have ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Ended {
    /// Its process ended: what it had written is there, and it had committed as much as this.
    Process(Option<Tail>),
    /// The kernel ended, and each commit had been made safe from that: the last one may be there in parts.
    SyncedKernel,
    /// The kernel ended: any part of the log may be missing.
    Kernel,
}

/// What is wrong with a log, if anything.
pub(crate) fn verify(path: &Path, ended: Ended) -> io::Result<Option<String>> {
    let found = match File::open(path) {
        Ok(file) => scan(BufReader::with_capacity(1 << 20, file))?,
        Err(error) if error.kind() == io::ErrorKind::NotFound => Found::default(),
        Err(error) => return Err(error),
    };
    let most_lost = match ended {
        Ended::Process(_) => 0,
        Ended::SyncedKernel => 1,
        Ended::Kernel => return Ok(None),
    };
    if found.commits_behind > most_lost {
        let (offset, commits) = (found.end, found.commits_behind);
        let problem = format!("what is at offset {offset} is not valid, but {commits} commits behind it are");
        return Ok(Some(problem));
    }
    let Ended::Process(Some(tail)) = ended else { return Ok(None) };
    let is_there = match found.salts {
        // A newer log begins only when all of the one before is in the database. Their first numbers rise.
        Some(salts) if salts != tail.salts => (1..1 << 31).contains(&salts[0].wrapping_sub(tail.salts[0])),
        Some(_) => found.committed >= tail.frames,
        None => false,
    };
    let (has, had) = (found.committed, tail.frames);
    let problem = || format!("it ends at offset {}, after {has} of {had} committed frames", end_of(has));
    Ok((!is_there).then(problem))
}

/// The offset in the file at which this many frames end.
fn end_of(frames: u32) -> u64 {
    HEADER as u64 + u64::from(frames) * FRAME as u64
}

/// What a log holds.
#[derive(Debug, Default)]
struct Found {
    /// The two numbers that its valid frames carry; `None` without a valid header.
    salts: Option<[u32; 2]>,
    /// Frames up to its last commit.
    committed: u32,
    /// Where the first frame begins that is not valid.
    end: u64,
    /// Valid frames behind that which end a transaction.
    commits_behind: u64,
}

fn scan(mut log: impl Read) -> io::Result<Found> {
    let mut header = [0; HEADER];
    if !fill(&mut log, &mut header)? {
        return Ok(Found::default());
    }
    let magic = word(&header, 0);
    let order = if magic & 1 == 1 { u32::from_be_bytes } else { u32::from_le_bytes };
    let seed = checksum(order, [0, 0], &header[..24]);
    let mut valid = magic & !1 == MAGIC
        && word(&header, 4) == VERSION
        && u64::from(word(&header, 8)) == PAGE
        && seed == words(&header, 24);
    // Without a header, the byte order is most likely the machine's.
    let order = if valid { order } else { u32::from_ne_bytes };
    let mut found = Found { salts: valid.then(|| words(&header, 16)), ..Found::default() };
    let mut before = words(&header, 24);
    let mut frame = vec![0; FRAME];
    let mut frames = 0;
    while fill(&mut log, &mut frame)? {
        let salts = words(&frame, 8);
        let stored = words(&frame, 16);
        let sum = |seed| checksum(order, checksum(order, seed, &frame[..8]), &frame[FRAME_HEADER..]);
        let is_whole = word(&frame, 0) != 0 && (sum(before) == stored || frames == 0 && sum(seed) == stored);
        let is_valid = is_whole && found.salts.is_none_or(|expected| expected == salts);
        let is_commit = word(&frame, 4) != 0;
        if valid && is_valid {
            frames += 1;
            found.end = end_of(frames);
            found.committed = if is_commit { frames } else { found.committed };
        } else {
            valid = false;
            found.commits_behind += u64::from(is_valid && is_commit);
            frames += 1;
        }
        before = stored;
    }
    Ok(found)
}

/// Fills a buffer, unless the log ends before.
fn fill(log: &mut impl Read, buffer: &mut [u8]) -> io::Result<bool> {
    match log.read_exact(buffer) {
        Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => Ok(false),
        done => done.map(|()| true),
    }
}

fn word(bytes: &[u8], at: usize) -> u32 {
    let bytes: [u8; 4] = bytes[at..at + 4].try_into().expect("four bytes");
    u32::from_be_bytes(bytes)
}

fn words(bytes: &[u8], at: usize) -> [u32; 2] {
    [word(bytes, at), word(bytes, at + 4)]
}

/// Continues the checksum of the log's format over bytes whose number is a multiple of eight.
fn checksum(order: fn([u8; 4]) -> u32, seed: [u32; 2], bytes: &[u8]) -> [u32; 2] {
    let [mut first, mut second] = seed;
    for pair in bytes.chunks_exact(8) {
        let (left, right) = pair.split_at(4);
        let left: [u8; 4] = left.try_into().expect("four bytes");
        let right: [u8; 4] = right.try_into().expect("four bytes");
        first = first.wrapping_add(order(left)).wrapping_add(second);
        second = second.wrapping_add(order(right)).wrapping_add(first);
    }
    [first, second]
}
