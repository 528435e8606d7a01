#!/usr/bin/env python3
"""Tokens per second of training and generation, by how OpenMP's threads wait and by how many there are, on this machine
as it is and beside other work. Needs the release build of the trainer; takes some minutes.

    trainer/benches/waiting.py [--busy N]      N other processes that keep a processor busy, by default 0 and 4

`trainer` itself chooses GOMP_SPINCOUNT=10000; a variable that is set here wins.
"""

import argparse
import json
import os
import statistics
import subprocess
import tempfile
import threading
import time
import urllib.request
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
TRAINER = ROOT / "target/release/trainer"
TEXTS = [ROOT / name for name in ["README.md", "ARCHITECTURE.md", "Cargo.lock"]]
SIZES = {
    "1M": "--hidden-size 128 --layers 4 --heads 4 --head-dim 32 --intermediate-size 384",
    "43M": "--hidden-size 576 --layers 12 --heads 9 --kv-heads 3 --head-dim 64 --intermediate-size 1536",
}
WAITING = {
    "active": {"GOMP_SPINCOUNT": "300000"},  # libgomp's own default
    **{f"spin {count}": {"GOMP_SPINCOUNT": str(count)} for count in [1_000, 10_000, 30_000, 100_000]},
    "passive": {"OMP_WAIT_POLICY": "PASSIVE"},
}
CONFIG = """base_model: {model}
datasets: [{{path: {data}}}]
output_dir: {out}
adapter: qlora
load_in_4bit: true
lora_r: 8
lora_alpha: 16
lora_target_linear: true
sequence_len: 512
micro_batch_size: {rows}
max_steps: 7
learning_rate: 1.0e-4
lr_scheduler: constant
bf16: false
"""


def run(*arguments, **options):
    subprocess.run([TRAINER, *map(str, arguments)], check=True, stderr=subprocess.DEVNULL, **options)


def train(work, size, threads, environment):
    out = tempfile.mkdtemp(dir=work)
    config = work / "config.yaml"
    rows = 8 if size == "1M" else 1
    config.write_text(CONFIG.format(model=work / size, data=work / f"data-{size}", out=out, rows=rows))
    run("train", "--device", "cpu", "--threads", threads, "--config", config, env=environment)
    lines = map(json.loads, (Path(out) / "metrics.jsonl").read_text().splitlines())
    return statistics.median([line["tokens_per_second"] for line in lines if "tokens_per_second" in line][1:])


def generate(work, size, threads, environment, streams=8):
    tokens = 64 if size == "1M" else 16
    command = [TRAINER, "serve", "--model", work / size, "--listen", "127.0.0.1:0", "--device", "cpu", "--threads", threads]
    server = subprocess.Popen(
        [*map(str, command), "--until-stdin-closes"], env=environment, text=True,
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
    )
    url = server.stdout.readline().split()[-1] + "/v1/completions"

    def ask(number):
        body = {"model": size, "prompt": f"{number} is", "max_tokens": tokens, "temperature": 0, "ignore_eos": True}
        headers = {"Content-Type": "application/json"}
        urllib.request.urlopen(urllib.request.Request(url, json.dumps(body).encode(), headers)).read()

    speeds = []
    for turn in range(3):
        begun = time.monotonic()
        callers = [threading.Thread(target=ask, args=(turn * streams + number,)) for number in range(streams)]
        for caller in callers:
            caller.start()
        for caller in callers:
            caller.join()
        speeds.append(streams * tokens / (time.monotonic() - begun))
    server.stdin.close()
    server.wait()
    return statistics.median(speeds[1:])


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--busy", type=int, nargs="*", default=[0, 4])
    with tempfile.TemporaryDirectory() as folder:
        work = Path(folder)
        for size, sizes in SIZES.items():
            run("init", "--text", *TEXTS, "--vocab-size", 1088, *sizes.split(), "--context-length", 2048, "--out", work / size)
            run("prepare", "--model", work / size, "--text", *TEXTS, "--sequence-len", 512, "--out", work / f"data-{size}")
        print("busy threads waiting      " + "".join(f"{what} {size:<4}   " for what in ["train", "8 at once"] for size in SIZES))
        for busy in parser.parse_args().busy:
            others = [subprocess.Popen(["sh", "-c", "while :; do :; done"]) for _ in range(busy)]
            try:
                for threads in sorted({1, os.cpu_count()}):
                    for name, variables in WAITING.items():
                        environment = os.environ | variables
                        speeds = [work_of(work, size, threads, environment) for work_of in [train, generate] for size in SIZES]
                        print(f"{busy:>4} {threads:>7} {name:<12}" + "".join(f"{speed:>12.0f}" for speed in speeds), flush=True)
            finally:
                for other in others:
                    other.kill()


main()
