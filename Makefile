# The commands that the README names. `make experiment` runs the study,
# `make test` passes every test; both build what they need.

CARGO ?= cargo
GUEST := env-server/sandbox/guest

.PHONY: build experiment test bench lint guest clean

## Every release binary, into target/release.
build: guest
	$(CARGO) build --release --workspace --bins

## CPython as a WebAssembly component, into target/guest; skipped when it is there.
guest:
	$(GUEST)/build.sh

## The 2x2 of scripted habits and runtimes on 100 easy tasks, and its tables.
experiment: build
	scripts/habits.sh

## Every test, through real servers where one is needed.
test: build
	$(CARGO) test --release --workspace

## Speed and memory, beside peers measured in the same run.
bench: build
	ERYX_PYTHON=$$(scripts/eryx_python.sh) $(CARGO) bench -p sandbox --bench steps

## Formatting and lints, without a warning.
lint: guest
	$(CARGO) fmt --all --check
	$(CARGO) clippy --release --workspace --all-targets -- -D warnings

clean:
	$(CARGO) clean
