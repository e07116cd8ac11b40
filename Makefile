# `make demo` and `make test` do all the set-up: they need Python 3.11 or newer and make, nothing else.

PYTHON ?= python3
VENV   ?= .venv
BIN    := $(VENV)/bin
STAMP  := $(VENV)/.installed

.DEFAULT_GOAL := help
.PHONY: help demo up test test-all lint types schemas benchmark clean

help: ## show this
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 12

$(STAMP): pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "Python 3.11 or newer is needed; say which with PYTHON=python3.12"; exit 1; }
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable '.[dev]'
	@touch $@

demo: $(STAMP) ## embedded broker and ClickHouse, an agent that really runs tools, what was saved
	$(BIN)/headroom-stream demo

up: $(STAMP) ## run all parts on this machine until Ctrl-C
	$(BIN)/headroom-stream up

test: $(STAMP) ## the suite that CI runs: everything but the long chaos runs
	$(BIN)/python -m pytest -m "not slow"

test-all: $(STAMP) ## the whole suite
	$(BIN)/python -m pytest

lint: $(STAMP) ## ruff
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: $(STAMP) ## mypy --strict
	$(BIN)/mypy

schemas: $(STAMP) ## write schemas/ anew from the Structs
	$(BIN)/headroom-stream schemas schemas

benchmark: $(STAMP) ## cost of a turn over a long session
	$(BIN)/python benchmarks/session_length.py

clean: ## remove what `make` made
	rm -rf $(VENV) .pytest_cache .mypy_cache .ruff_cache .hypothesis .headroom
