# make up        install what is missing, build, run gateway and publisher, print the demo page's address
# make test      the same set-up, then every test; ONLY=name runs those whose name matches, and installs no browser for it
# make check     format, tidy rules, spelling, shell scripts, build with warnings as errors, documentation's example
# make sanitize  the tests again under the thread sanitizer and the address sanitizer, in builds of their own
# make fuzz     inputs made by damage for HTTP, frames, JSON and tokens; MINUTES=60 for each of them, SEED=… again
# make docs      the public libraries' documentation, with warnings as errors, below .build/documentation
# make dist      a tarball and a Debian package that need no Swift, below .build/dist
# make bench     measure Sluice against its bars; PEERS=1 installs its peers below Benchmarks and measures them too, QUICK=1 takes two minutes
# make micro     measure the parts of a record's way one by one: times, allocations, instructions (needs valgrind)
# make micro-check  compare allocations and instructions with Benchmarks/thresholds.json, and fail above them
# make clean     remove what was built; the data in ./sluice-data stays
#
# Each says what it does and may be run again. Only the first step, .ci/install, uses sudo, and only when a Debian package is missing.

SWIFT ?= swift
export SWIFT
# One binary that needs no Swift on the machine it runs on, and a little faster for calling the runtime directly.
RELEASE = $(SWIFT) build -c release --product sluice --static-swift-stdlib
# The tests' build and the one of `make check` are the same, so that whichever is second has nothing left to build.
# WARNINGS_AS_ERRORS= (empty) lets warnings pass, and is another build.
STRICT = WARNINGS_AS_ERRORS=$(WARNINGS_AS_ERRORS)
WARNINGS_AS_ERRORS ?= 1
PYTHON = .venv/bin/python
# Flags for `sluice up`, such as: make up ARGS="--port 9000 --queue stream"
ARGS ?=
# What `make test ONLY=…` runs: a regular expression, of a Swift suite or function or of a Python test.
ONLY ?=

MINUTES ?= 1
SEED ?=

.PHONY: up test check sanitize fuzz docs dist screenshot bench micro micro-check clean

up:
	@.ci/install
	@echo "== build, release: 10 minutes the first time on 2 cores, seconds when nothing has changed"
	$(RELEASE)
	@exec .build/release/sluice up $(ARGS)

test:
	@$(STRICT) .ci/test $(if $(ONLY),'$(ONLY)')

check:
	@$(STRICT) .ci/check

sanitize:
	@.ci/sanitize

fuzz:
	@.ci/install
	@echo "== fuzz: $(MINUTES) minutes for each of its targets, behind the tests' build"
	$(STRICT) $(SWIFT) build --build-tests
	SLUICE_FUZZ_SECONDS=$$(( $(MINUTES) * 60 )) $(if $(SEED),SLUICE_FUZZ_SEED=$(SEED)) $(SWIFT) test --skip-build --no-parallel --filter FuzzTests

docs:
	@$(STRICT) .ci/docs

dist:
	@.ci/dist

# Takes the pictures in the README again: docs/images/demo.png and dashboard.png (needs Prometheus, takes four minutes).
screenshot:
	@.ci/install tests
	$(RELEASE)
	SLUICE_BINARY=.build/release/sluice SLUICE_SCREENSHOT=docs/images/demo.png $(PYTHON) -m pytest Tests/Clients/test_demo.py
	python3 Benchmarks/dashboard.py

# More flags of Benchmarks/bench.py: make bench PEERS=1 BENCH="--bars 1 3 --rounds 7"
bench:
	@.ci/install
	$(RELEASE)
	$(SWIFT) build -c release --package-path Benchmarks --product LoadGenerator
	python3 Benchmarks/bench.py $(if $(PEERS),--peers) $(if $(QUICK),--quick) $(BENCH)

MICRO_BUILD = SLUICE_TESTABLE=1 $(SWIFT) build -c release --package-path Benchmarks --product MicroBenchmarks

# More flags of Benchmarks/micro.py: make micro MICRO="--only fan-out"
micro:
	@.ci/install
	$(MICRO_BUILD)
	python3 Benchmarks/micro.py $(MICRO)

micro-check:
	@.ci/install
	$(MICRO_BUILD)
	python3 Benchmarks/micro.py --check $(MICRO)

clean:
	rm -rf .build .build-dist .build-tsan .build-asan .build-example Benchmarks/.build .venv
