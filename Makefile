# make up      install what is missing, build, run gateway and publisher, print the demo page's address
# make test    the same set-up, then every test
# make check   format, tidy rules, shell scripts, build with warnings as errors
# make bench   measure Sluice against its bars; PEERS=1 installs its peers below Benchmarks and measures them too, QUICK=1 takes two minutes
# make micro   measure the parts of a record's way one by one: times, allocations, instructions (needs valgrind)
# make clean   remove what was built

SWIFT ?= swift
# One binary that needs no Swift on the machine it runs on, and a little faster for calling the runtime directly.
RELEASE = $(SWIFT) build -c release --product sluice --static-swift-stdlib
PYTHON = .venv/bin/python
# Flags for `sluice up`, such as: make up ARGS="--port 9000 --queue stream"
ARGS ?=

.PHONY: up test check screenshot bench micro clean

up:
	@.ci/install
	$(RELEASE)
	@exec .build/release/sluice up $(ARGS)

test:
	@.ci/install tests
	$(SWIFT) build --build-tests
	$(SWIFT) test --skip-build --no-parallel
	SLUICE_BINARY=.build/debug/sluice $(PYTHON) -m pytest Tests/Clients

check:
	.ci/check

# Takes the picture in the README again: docs/images/demo.png.
screenshot:
	@.ci/install tests
	$(RELEASE)
	SLUICE_BINARY=.build/release/sluice SLUICE_SCREENSHOT=docs/images/demo.png $(PYTHON) -m pytest Tests/Clients/test_demo.py

# More flags of Benchmarks/bench.py: make bench PEERS=1 BENCH="--bars 1 3 --rounds 7"
bench:
	@.ci/install
	$(RELEASE)
	$(SWIFT) build -c release --package-path Benchmarks --product LoadGenerator
	python3 Benchmarks/bench.py $(if $(PEERS),--peers) $(if $(QUICK),--quick) $(BENCH)

# More flags of Benchmarks/micro.py: make micro MICRO="--only fan-out"
micro:
	@.ci/install
	SLUICE_TESTABLE=1 $(SWIFT) build -c release --package-path Benchmarks --product MicroBenchmarks
	python3 Benchmarks/micro.py $(MICRO)

clean:
	rm -rf .build .venv sluice-data
