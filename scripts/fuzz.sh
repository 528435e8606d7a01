#!/usr/bin/env bash
# Fuzzes what strangers write (task files, requests, configs) with libFuzzer, one target after the other:
#
#     scripts/fuzz.sh [SECONDS] [TARGET...]     for so long each; by default 600, and every target
#     scripts/fuzz.sh 0 [TARGET...]             runs only the inputs that are kept, in fuzz/corpus
#     scripts/fuzz.sh keep [TARGET...]          adds to them short inputs that reach what they do not
#
# New inputs go to target/fuzz/found/TARGET. An input that shows a fault ends the run, and is in target/fuzz/faults: a panic, an
# overflow, more than 10 seconds, or much memory. Needs a C++ compiler, and no other toolchain.
set -euo pipefail
cd "$(dirname "$0")/.."

seconds=${1:-600}
targets=("${@:2}")
[ ${#targets[@]} -gt 0 ] || targets=(task_file request config)

triple=$(rustc -vV | sed -n 's/^host: //p')
export RUSTC_WRAPPER=$PWD/scripts/fuzz_rustc.sh
# With a target, so that what runs while building has no counters.
"${CARGO:-cargo}" build --profile fuzz --package fuzz --features libfuzzer --bins --target "$triple" --target-dir target/fuzz

# Inputs of more bytes find no other paths, and are slow.
limits=(-max_len=8192 -timeout=10 -rss_limit_mb=2048)
for target in "${targets[@]}"; do
    program=target/fuzz/$triple/fuzz/$target
    kept=fuzz/corpus/$target
    found=target/fuzz/found/$target
    mkdir -p "$found" target/fuzz/faults
    echo "== $target" >&2
    case $seconds in
        0)
            "$program" "${limits[@]}" "$kept"/*
            ;;
        keep)
            # Adds only inputs that reach edges which those that are kept do not, and only short ones: they are in git.
            short=$(mktemp -d)
            find "$found" -type f -size -513c -exec cp -t "$short" {} +
            "$program" "${limits[@]}" -use_counters=0 -set_cover_merge=1 "$kept" "$short"
            rm -r "$short"
            ;;
        *)
            # The keys and words of the inputs.
            words=target/fuzz/$target.words
            cat "$kept"/* | grep -oE '"[A-Za-z_][A-Za-z_0-9]{1,40}"|\b[a-z]+_[a-z_]+\b' | tr -d '"' | sort -u |
                sed 's/.*/"&"/' >"$words"
            "$program" "${limits[@]}" -max_total_time="$seconds" -dict="$words" -print_final_stats=1 \
                -artifact_prefix="target/fuzz/faults/$target-" "$found" "$kept"
            ;;
    esac
done
