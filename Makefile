# Everything here needs only Python 3.11 or newer, make and a Python package index.
#   make demo    the main job on the shipped runs; results in demo-results/
#   make test    the tests
#   make test-train  the tests of training as well: installs PyTorch
#   make test-ray    those on a cluster of two nodes on this machine: installs Ray
#   make lint    format, lint, types, direction of imports
#   make docs    the documentation into site/
#   make bench   the benchmarks, figures printed as ratios
#   make clean   remove what the others made

PYTHON ?= python3
VENV ?= .venv
DEMO_INTO ?= demo-results
JOBS ?= 2
BIN := $(VENV)/bin
# A stamp per set of extras: a second call installs nothing.
INSTALLED := $(VENV)/installed

.DEFAULT_GOAL := help
.PHONY: help demo test test-train test-ray lint docs bench clean

help:
	@sed -n 's/^#   //p' Makefile

$(BIN)/python:
	@$(PYTHON) -c 'import sys; sys.version_info >= (3, 11) or sys.exit("isoloss needs Python 3.11 or newer, found " + sys.version.split()[0] + ". Try: make PYTHON=python3.12 ...")'
	$(PYTHON) -m venv $(VENV)

$(INSTALLED)-core: pyproject.toml | $(BIN)/python
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable .
	@touch $@

$(INSTALLED)-%: pyproject.toml | $(BIN)/python
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable '.[$*]'
	@touch $@

demo: $(INSTALLED)-core
	$(BIN)/isoloss demo --into $(DEMO_INTO)
	@echo "Results: $(DEMO_INTO)"

test: $(INSTALLED)-test
	$(BIN)/python -m pytest -n $(JOBS)

test-train: $(INSTALLED)-test $(INSTALLED)-train
	$(BIN)/python -m pytest -n $(JOBS) tests/training

test-ray: $(INSTALLED)-test $(INSTALLED)-train $(INSTALLED)-ray
	$(BIN)/python -m pytest -m ray tests/training

lint: $(INSTALLED)-test $(INSTALLED)-train $(INSTALLED)-lint $(INSTALLED)-bench
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/pyright --pythonpath $(BIN)/python
	$(BIN)/lint-imports

docs: $(INSTALLED)-docs
	NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --strict

bench: $(INSTALLED)-bench
	@for file in benchmarks/*.py; do echo "== $$file"; $(BIN)/python "$$file" || exit 1; done

clean:
	rm -rf $(VENV) $(DEMO_INTO) site dist build .pytest_cache .ruff_cache .hypothesis .import_linter_cache
