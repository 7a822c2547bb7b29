# make up      install what is missing, build, run gateway and publisher, print the demo page's address
# make test    the same set-up, then every test
# make check   format, tidy rules, shell scripts, build with warnings as errors
# make clean   remove what was built

SWIFT ?= swift
PYTHON = .venv/bin/python
# Flags for `sluice up`, such as: make up ARGS="--port 9000 --queue stream"
ARGS ?=

.PHONY: up test check screenshot clean

up:
	@.ci/install
	$(SWIFT) build -c release --product sluice
	@exec .build/release/sluice up $(ARGS)

test:
	@.ci/install tests
	$(SWIFT) build --build-tests
	$(SWIFT) test --skip-build
	SLUICE_BINARY=.build/debug/sluice $(PYTHON) -m pytest Tests/Clients

check:
	.ci/check

# Takes the picture in the README again: docs/images/demo.png.
screenshot:
	@.ci/install tests
	$(SWIFT) build -c release --product sluice
	SLUICE_BINARY=.build/release/sluice SLUICE_SCREENSHOT=docs/images/demo.png $(PYTHON) -m pytest Tests/Clients/test_demo.py

clean:
	rm -rf .build .venv sluice-data
