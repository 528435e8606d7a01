# The commands that the README names. `make experiment` runs the study and `make test` runs every test; both build
# what they need. Plain `cargo build` and `cargo test` leave out the trainer, the only part that needs libtorch.

CARGO ?= cargo
GUEST := env-server/sandbox/guest

# Repeats of the study, each with its own seed.
SEEDS ?= 1

# How long each fuzz target runs.
SECONDS ?= 600

# How long `make faults` disturbs a server.
MINUTES ?= 10

# The ablations in the committed results.
ABLATIONS := $(sort $(wildcard docs/study/ablations/*.json))

.PHONY: build experiment ablations study-docs habits test python-sources typescript console tools wheel test-python docs test-vllm paper-tiny fuzz faults bench load lint guest torch trainer gpu clean

## Every release binary but the trainer, into target/release.
build: guest
	$(CARGO) build --release --bins

## CPython as a WebAssembly component, into target/guest; skipped if it is there.
guest:
	$(GUEST)/build.sh

## libtorch, which the trainer links, into .libtorch; skipped if it is there.
torch:
	scripts/libtorch.sh

## The trainer, into target/release.
trainer: torch
	$(CARGO) build --release -p trainer

## The study: two adapters trained on traces of two regimes, all cells of training and runtime, tables and report, in runs/small.
experiment: guest torch
	$(CARGO) build --release --workspace --bins
	target/release/study run experiments/small.yaml --seeds $(SEEDS)

## The ablations: the study with one change each, beside the study in runs/small.
ablations: experiment
	for file in experiments/ablations/*.yaml; do target/release/study run $$file --seeds $(SEEDS) || exit; done

## Regenerates the numbers and figures of docs/STUDY.md from the committed results.
study-docs: build
	target/release/analysis report docs/study/results.json $(ABLATIONS:%=--with %) --update docs/STUDY.md --figures docs/study
	for study in smollm2 grpo grpo_forks; do target/release/analysis report docs/study/$$study.json \
		--update docs/STUDY.md --study $$study --figures docs/study/$$study || exit; done

## The 2x2 of scripted habits and runtimes on 100 easy tasks, and its tables.
habits: build
	scripts/habits.sh

## Every test, through real servers and a real browser where one is needed, and beside PyTorch, transformers, PEFT and bitsandbytes;
## the Python and the TypeScript package and the console from their sources.
test: guest torch tools
	$(CARGO) build --release --workspace --bins --lib
	$(CARGO) test --release --workspace
	$(MAKE) --jobs=2 --output-sync=target python-sources typescript console

# The packages, from their sources and with the programs that cargo has built.
python-sources:
	scripts/python_tests.sh
typescript:
	scripts/typescript.sh
console:
	scripts/console.sh

## What the tests need beside crates: peers, clients, a browser.
tools:
	scripts/parity_python.sh >/dev/null
	scripts/chromium.sh >/dev/null
	scripts/clients.sh >/dev/null
	scripts/mcp_clients.sh >/dev/null
	scripts/prometheus.sh >/dev/null
	scripts/python.sh >/dev/null

## The wheel of the Python package, into target/wheels.
wheel: guest
	scripts/wheel.sh

## The wheel in fresh environments: one for each version of Python, and one for each library that it has an adapter for.
test-python: guest
	scripts/test_wheel.sh

## The documentation, into target/docs/site: a link that leads nowhere is an error.
docs:
	scripts/docs.sh

## The agent with a real model on a real vLLM server, on the CPU: installs both (3 GB), a few minutes.
test-vllm: guest torch
	$(CARGO) build --release --workspace --bins
	target/release/vllm --python $$(scripts/vllm.sh) --model $$(scripts/smollm2.sh)

## The paper's whole workflow (docs/PAPER.md) on a tiny model, 5 tasks of each difficulty, served by a real vLLM on the CPU: runs/paper_tiny, and the main table.
paper-tiny: guest torch
	$(CARGO) build --release --workspace --bins
	scripts/vllm.sh
	target/release/study run experiments/paper_tiny.yaml
	target/release/analysis main-table experiments/paper_table.json --in runs/paper_tiny

## Task files, requests and configs from libFuzzer, SECONDS each; 0: only the inputs that are kept.
fuzz: guest
	scripts/fuzz.sh $(SECONDS)

## A server that is killed and disturbed in every way, MINUTES long, beside one that nobody disturbs.
faults: guest torch
	$(CARGO) build --release --workspace --bins
	$(CARGO) build --release --workspace --bin env-server-faults --features env-server/faults
	target/release/faults --minutes $(MINUTES)

## Speed and memory, beside peers measured in the same run.
bench: guest torch
	$(CARGO) build --release --workspace --bins
	BENCH_PYTHON=$$(scripts/bench_python.sh) $(CARGO) bench --workspace --bench steps --bench concurrency
	$(CARGO) bench --workspace --bench density
	$(CARGO) bench --workspace --bench neighbours
	PARITY_PYTHON=$$(scripts/parity_python.sh) $(CARGO) bench --workspace --bench tokens

## Many sessions and hostile neighbours on a server in another process, beside OpenEnv: twenty minutes.
load: guest
	$(CARGO) build --release --bins
	peer=$$(scripts/bench_openenv.sh) && target/release/load scenarios $${peer:+--openenv "$$peer"} --json target/bench/load.json

## The trainer's parity tests and benchmark on this machine's GPU.
gpu: torch
	scripts/gpu.sh

## Formatting and lints, without a warning, imports without circles, that the protocols break no client of the last release, links in
## the documentation, what the dependencies may be, and the files of deploy/.
lint: guest torch
	$(CARGO) fmt --all --check
	scripts/imports.py
	scripts/proto.sh
	scripts/docs.sh >/dev/null
	scripts/cargo_deny.sh
	scripts/manifests.sh
	$(CARGO) clippy --release --workspace --all-targets --features fuzz/libfuzzer -- -D warnings

clean:
	$(CARGO) clean
