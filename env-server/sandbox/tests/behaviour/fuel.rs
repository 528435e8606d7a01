//! Fuel stands for processor time: code that CPython's authors unrolled, small functions and the host's own work are
//! counted too. `cargo bench -p sandbox --bench fuel` measures the time.

use crate::common::{persistent, prints};

/// The fuel of `repeat`, run `times` times after `prepare`, beyond that of running it once.
fn fuel(prepare: &str, repeat: &str, times: u64) -> u64 {
    let mut python = persistent();
    prints(&mut python, prepare);
    let mut of = |times: u64| {
        let outcome = python.run(&format!("for _ in range({times}): {repeat}")).unwrap();
        assert!(outcome.success, "{repeat}: {:?}", outcome.error);
        outcome.fuel_used
    };
    of(1);
    let once = of(1);
    of(times + 1) - once
}

#[test]
fn every_hash_costs_fuel_for_every_byte() {
    const BYTES: u64 = 1 << 20;
    for name in
        ["md5", "sha1", "sha224", "sha256", "sha384", "sha512", "sha3_256", "sha3_512", "blake2b", "blake2s"]
    {
        let prepare = format!("import hashlib\nx = bytes({BYTES})\nh = hashlib.{name}");
        let used = fuel(&prepare, "h(x)", 1);
        assert!(used > 8 * BYTES, "{name}: {} units a byte", used as f64 / BYTES as f64);
    }
}

#[test]
fn a_hash_of_short_texts_costs_fuel_for_its_block() {
    // SHA-512 always processes 128 bytes.
    let copied = fuel("import hashlib\nh = hashlib.sha512(b'x')", "h.copy()", 100);
    let finished = fuel("import hashlib\nh = hashlib.sha512(b'x')", "h.digest()", 100);
    assert!(finished > copied + 100 * 1_000, "{finished}, {copied}");
}

#[test]
fn division_costs_more_than_addition() {
    let prepare = "x = 7 ** 40_000";
    let (divided, added) = (fuel(prepare, "x // 3", 100), fuel(prepare, "x + 3", 100));
    assert!(divided > 2 * added, "{divided}, {added}");
}

#[test]
fn files_cost_fuel_by_calls_and_by_bytes() {
    let prepare = "f = open('/tmp/x', 'wb', 0)\nshort, long = b'x', bytes(60_000)";
    let short = fuel(prepare, "f.seek(0); f.write(short)", 100);
    let long = fuel(prepare, "f.seek(0); f.write(long)", 100);
    assert!(long - short > 100 * 59_000, "{long}, {short}");
    // Two calls of the host leave the guest's machine code.
    let sought = fuel(prepare, "f.seek(0)", 100);
    assert!(short - sought > 100 * 2_000, "{short}, {sought}");
    let nothing = fuel(prepare, "abs(0)", 100);
    assert!(sought - nothing > 100 * 500, "{sought}, {nothing}");
}
