# The commands that the README names. `make experiment` runs the study,
# `make test` passes every test; both build what they need. The trainer stands apart,
# as it alone needs libtorch: `make test-torch` builds and tests it.

CARGO ?= cargo
GUEST := env-server/sandbox/guest

.PHONY: build experiment test bench lint guest torch trainer test-torch lint-torch clean

## Every release binary but the trainer, into target/release.
build: guest
	$(CARGO) build --release --bins

## CPython as a WebAssembly component, into target/guest; skipped when it is there.
guest:
	$(GUEST)/build.sh

## The 2x2 of scripted habits and runtimes on 100 easy tasks, and its tables.
experiment: build
	scripts/habits.sh

## Every test, through real servers where one is needed.
test: build
	$(CARGO) test --release

## Speed and memory, beside peers measured in the same run.
bench: build
	ERYX_PYTHON=$$(scripts/eryx_python.sh) $(CARGO) bench --bench steps

## Formatting and lints, without a warning.
lint: guest
	$(CARGO) fmt --all --check
	$(CARGO) clippy --release --all-targets -- -D warnings

## libtorch, which the trainer links, into .libtorch; skipped when it is there.
torch:
	scripts/libtorch.sh

## The trainer, into target/release.
trainer: torch
	$(CARGO) build --release -p trainer

## The trainer's tests, beside PyTorch, transformers, PEFT and bitsandbytes.
test-torch: torch
	scripts/parity_python.sh >/dev/null
	$(CARGO) test --release -p trainer

## The trainer's lints; its formatting is `make lint`'s.
lint-torch: torch
	$(CARGO) clippy --release -p trainer --all-targets -- -D warnings

clean:
	$(CARGO) clean
