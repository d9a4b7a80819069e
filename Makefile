# Needs Python 3.11 or newer with pip, nothing else. Another Python: make demo PYTHON=python3.12
PYTHON ?= python3
VENV ?= .venv
WORKERS ?= 2

BIN := $(VENV)/bin
INSTALLED := $(VENV)/.installed

.DEFAULT_GOAL := help
.PHONY: help demo test lint clean

help: ## show these lines
	@awk -F ':.*## ' '/^[a-z]+:.*## / {printf "make %-8s%s\n", $$1, $$2}' $(MAKEFILE_LIST)

demo: $(INSTALLED) ## search drawn shelves and write out/demo/index.html
	$(BIN)/handful demo

test: $(INSTALLED) ## run all tests
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest -n $(WORKERS) --dist loadfile

lint: $(INSTALLED) ## check style, types and the order of imports
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/pyright --pythonpath $(BIN)/python
	$(BIN)/lint-imports

clean: ## remove the environment and everything these commands made
	rm -rf $(VENV) .venv-ci build dist out/demo
	rm -rf .pytest_cache .ruff_cache .hypothesis .import_linter_cache
	find handful tests -name __pycache__ -type d -prune -exec rm -rf {} +

# Made again only when what must be installed has changed.
$(INSTALLED): pyproject.toml constraints.txt
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --disable-pip-version-check --constraint constraints.txt --editable '.[dev]'
	touch $@
