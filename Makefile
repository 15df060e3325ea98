# make demo    set up, build, train seven models on Fashion-MNIST, and print what a soup of them is worth
# make test    set up, build, run every test
SWIFT ?= swift
CONFIGURATION ?= release
BUILD = $(SWIFT) build -c $(CONFIGURATION)
SOURCES = Package.swift Sources Tests Benchmarks

.PHONY: all setup build demo test bench lint format clean distclean

all: build

setup:
	@Tools/setup

build: setup
	@$(BUILD)

demo: build
	@Tools/demo.sh

test: setup
	@$(BUILD) --build-tests
	@$(SWIFT) test -c $(CONFIGURATION) --skip-build

bench: build
	@Benchmarks/run.sh

lint:
	@$(SWIFT) format lint --strict --recursive --parallel $(SOURCES)
	@Tools/check-floors

format:
	@$(SWIFT) format --in-place --recursive --parallel $(SOURCES)

clean:
	@rm -rf .build runs

# Also forgets LibTorch and the data.
distclean: clean
	@rm -rf .deps data
