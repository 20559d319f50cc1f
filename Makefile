.DEFAULT_GOAL := help
SHELL := /bin/bash
PYTHON ?= python3.11
VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check

.PHONY: help demo test check lint types imports unit integration drill bench chaos chaos-ci soak soak-ci \
	test-compose test-hosts format constraints clean

help: ## Show what can be made
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sort | awk -F ':.*## ' '{printf "  %-14s %s\n", $$1, $$2}'

$(VENV)/.demo: pyproject.toml constraints.txt
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@echo "installing (once) ..." && $(PIP) install --quiet -c constraints.txt -e '.[demo]'
	@touch $@

$(VENV)/.dev: pyproject.toml constraints.txt $(VENV)/.demo
	@$(PIP) install --quiet -c constraints.txt -e '.[demo,parquet,dev]'
	@touch $@

demo: $(VENV)/.demo ## Run the firm over real market data and print what it did
	@$(BIN)/boardroom demo

test: check unit integration ## Check everything: style, types, imports, unit, property and integration tests

check: lint types imports ## Style, types and the import rule

lint: $(VENV)/.dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: $(VENV)/.dev
	$(BIN)/mypy

imports: $(VENV)/.dev
	$(BIN)/lint-imports --no-cache

unit: $(VENV)/.dev ## Tests without processes
	$(BIN)/python -m pytest -q -n auto --maxprocesses 8 --dist loadscope -m 'not integration and not compose and not hosts'

integration: $(VENV)/.dev ## Tests with real processes, ZeroMQ and an embedded Redis
	$(BIN)/python -m pytest -q -m integration

drill: $(VENV)/.demo ## Halt the firm on paper with brokers that fail; writes var/drill
	@$(BIN)/boardroom drill

chaos: $(VENV)/.dev ## Inject 500 faults into running firms and write the table of docs/faults.md
	@$(BIN)/python -m research.chaos --write docs/faults.md

chaos-ci: $(VENV)/.dev ## Inject some 60 faults
	@$(BIN)/python -m research.chaos --faults 60 --bars 300 --minutes 4

soak: $(VENV)/.dev ## Run the firm at speed for an hour and look at memory, descriptors and inboxes
	@$(BIN)/python -m research.soak --minutes 60

soak-ci: $(VENV)/.dev ## The same for ten minutes
	@$(BIN)/python -m research.soak --minutes 10

test-compose: $(VENV)/.dev ## Bring the firm up with docker compose and break it; needs an engine, or root to start one
	$(BIN)/python -m pytest -q -m compose tests/compose

test-hosts: $(VENV)/.dev ## Run the firm over two network namespaces and part them; needs root
	$(BIN)/python -m pytest -q -m hosts tests/hosts

bench: $(VENV)/.dev ## Measure speed and size against raw floors; writes var/bench.json
	@$(BIN)/python -m research.bench

format: $(VENV)/.dev ## Format the code
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

constraints: ## Write constraints.txt from a fresh environment
	@rm -rf var/constraints && $(PYTHON) -m venv var/constraints
	@var/constraints/bin/pip install --quiet -e '.[demo,parquet,dev]'
	@var/constraints/bin/pip freeze --exclude-editable | grep -v '@' > constraints.txt
	@rm -rf var/constraints && wc -l constraints.txt

clean: ## Remove everything that can be made again
	rm -rf $(VENV) var build dist .mypy_cache .pytest_cache .ruff_cache .hypothesis
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
