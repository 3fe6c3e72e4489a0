# `make demo` shows what the template makes; `make test` tests it. Both install what they need.

PYTHON ?= python3
UV := $(or $(shell command -v uv),.uv/bin/uv)
# Not more workers than the services that all share can bear.
WORKERS := --numprocesses auto --maxprocesses 4

.PHONY: help demo test test-fast lint docs bench refresh

help: ## List the commands
	@sed -n 's/^\([a-z-]*\):.*## /  make \1	/p' Makefile

demo: $(UV) ## Render the default project, run it, and serve it until Ctrl-C
	@$(UV) run --quiet scripts/demo.py

test: $(UV) ## Run every test, those inside rendered projects included
	$(UV) run pytest $(WORKERS)

test-fast: $(UV) ## Run the tests that take a minute together
	$(UV) run pytest $(WORKERS) -m "not slow"

bench: $(UV) ## Measure the claims of the README (twelve minutes, needs wrk)
	@$(UV) run --quiet benchmarks/run.py

docs: $(UV) ## Build the documentation into .site/
	$(UV) run sphinx-build --fail-on-warning --keep-going --quiet docs .site

lint: $(UV) ## Check the style, format and types of the template's own code
	$(UV) run ruff check
	$(UV) run ruff format --check
	$(UV) run mypy

refresh: $(UV) ## Raise the ranges of all dependencies, the render's too, to what PyPI has now
	@$(UV) run --quiet scripts/refresh.py

# Without uv on PATH: from PyPI, into an environment of its own.
.uv/bin/uv:
	$(PYTHON) -m venv .uv
	.uv/bin/pip install --quiet --disable-pip-version-check uv
