# make demo    set up, build, train seven models on Fashion-MNIST, and write what a soup of them is worth
# make test    set up, build, run every test
SWIFT ?= swift
CONFIGURATION ?= release
# SQLite's header where `make setup` had to fetch it; a package that we depend on can be told only here.
LOCAL = $(shell [ ! -e .deps/debian/usr/include/sqlite3.h ] || echo -Xcc -I$(CURDIR)/.deps/debian/usr/include)
BUILD = $(SWIFT) build -c $(CONFIGURATION) $(LOCAL)
SOURCES = Package.swift Sources Tests Benchmarks

.PHONY: all setup build demo test bench bench-mixing bench-corruptions bench-pipeline bench-alignment lint format clean distclean

all: build

setup:
	@Tools/setup

build: setup
	@$(BUILD)

demo: build
	@Tools/demo.sh

test: setup
	@$(BUILD) --build-tests
	@$(SWIFT) test -c $(CONFIGURATION) $(LOCAL) --skip-build

bench: build bench-mixing bench-corruptions bench-pipeline
	@Benchmarks/run.sh
	@Benchmarks/objectives.sh
	@Benchmarks/soups.sh

# Mixing alone: against a plain C loop, PyTorch and mergekit.
bench-mixing: setup
	@Benchmarks/mixing.sh

# Image corruptions alone: against imagecorruptions.
bench-corruptions: setup
	@Benchmarks/corruptions.sh

# Decoding and augmentation alone: against PyTorch's DataLoader with Pillow.
bench-pipeline: setup
	@Benchmarks/pipeline.sh

# Aligning two networks alone: against NumPy and SciPy.
bench-alignment: setup
	@Benchmarks/alignment.sh

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
