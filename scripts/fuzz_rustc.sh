#!/usr/bin/env bash
# rustc for scripts/fuzz.sh, as cargo's RUSTC_WRAPPER. The crates that read what strangers write are compiled with libFuzzer's
# counters; the rest, such as the compiler of WebAssembly, would only slow each run down.
set -euo pipefail

instrumented=" agent analysis env_server fields files fuzz lifecycle proto sandbox study clap_builder prost prost_reflect prost_types \
serde_json serde_path_to_error serde_saphyr granit_parser annotate_snippets task_file request config "
name=
target=
previous=
for argument in "$@"; do
    case $previous in
        --crate-name) name=$argument ;;
        --target) target=$argument ;;
    esac
    previous=$argument
done
# What runs while building, such as a build script, is compiled without a target.
if [ -n "$target" ] && [[ $instrumented == *" $name "* ]]; then
    set -- "$@" -Cpasses=sancov-module -Cllvm-args=-sanitizer-coverage-level=4 \
        -Cllvm-args=-sanitizer-coverage-inline-8bit-counters -Cllvm-args=-sanitizer-coverage-pc-table \
        -Cllvm-args=-sanitizer-coverage-trace-compares -Cllvm-args=-simplifycfg-branch-fold-threshold=0 -Ccodegen-units=1
fi
exec "$@"
