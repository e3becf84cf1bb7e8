# Two commands, each sufficient by itself on a fresh machine with Python 3.11 or later:
#   make demo    trains, certifies, predicts and serves on real data
#   make test    runs every test
# Both create .venv in this folder, and install again only when pyproject.toml or constraints.txt has changed.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check -q
# PyTorch comes first, by its exact version, so that pip takes a wheel at hand before it asks an index for a larger one.
TORCH := torch==2.13.0
INSTALLED_DEMO := $(VENV)/.installed-demo
INSTALLED_TEST := $(VENV)/.installed-test
# Looked for once per environment: the tests of the server's page open it in a real browser.
BROWSER := $(VENV)/.looked-for-browser

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
MAKEFLAGS += --no-print-directory
.PHONY: help demo test test-clients test-targets lint format types imports bench clean

help: ## list the targets
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/  make \1\t\2/p' Makefile | expand -t 16

demo: $(INSTALLED_DEMO) ## install what the demo needs and run it on real data
	@$(BIN)/python examples/demo.py

test: $(INSTALLED_TEST) $(BROWSER) ## install what tests need and run them all (ARGS="torch", ARGS="free -- -k graph")
	@$(BIN)/python tests/run.py $(ARGS)

test-clients: $(INSTALLED_TEST) ## try clients of others in environments of their own: KServe, perf_analyzer, Ray Serve (ARGS="kserve")
	@PYTHONPATH=src $(BIN)/python -m tests.clients.run $(ARGS)

test-targets: $(INSTALLED_TEST) ## export into runtimes in environments of their own: OpenVINO, MLflow, TorchServe, ExecuTorch (ARGS="mlflow")
	@PYTHONPATH=src:. $(BIN)/python -m tests.targets.run $(ARGS)

lint: $(INSTALLED_TEST) ## check style and format
	@$(BIN)/ruff check
	@$(BIN)/ruff format --check

format: $(INSTALLED_TEST) ## put the source into its format
	@$(BIN)/ruff check --fix
	@$(BIN)/ruff format

types: $(INSTALLED_TEST) ## check types
	@$(BIN)/mypy --strict

imports: $(INSTALLED_TEST) ## check which room imports which
	@$(BIN)/lint-imports

bench: $(INSTALLED_TEST) ## list the benchmarks; each is a script with its own --help
	@ls benchmarks/*.py

clean: ## remove what was built here: the environment, caches, outputs
	rm -rf $(VENV) .venv-targets .venv-clients .venv-rivals build dist .pytest_cache .hypothesis .mypy_cache .ruff_cache .import_linter_cache
	rm -rf examples/out benchmarks/out docs/figures/out
	find src tests benchmarks examples -name __pycache__ -type d -prune -exec rm -rf {} +

# pip is the last thing that creating an environment writes: a half-made one is made again.
$(BIN)/pip:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Expected Python 3.11 or later, got " + sys.version.split()[0] + ". Choose one: make PYTHON=python3.12 …")'
	@echo "Creating $(VENV) with $$($(PYTHON) --version)"
	@$(PYTHON) -m venv --clear $(VENV)

$(INSTALLED_DEMO): pyproject.toml constraints.txt | $(BIN)/pip
	@echo "Installing PyTorch (200 MB, once)"
	@$(PIP) install -c constraints.txt $(TORCH)
	@echo "Installing ambidex and what training in PyTorch needs (100 MB, once)"
	@$(PIP) install -c constraints.txt -e '.[torch]'
	@$(BIN)/python -m compileall -q src
	@touch $@

$(INSTALLED_TEST): pyproject.toml constraints.txt | $(BIN)/pip
	@echo "Installing PyTorch (200 MB, once)"
	@$(PIP) install -c constraints.txt $(TORCH)
	@echo "Installing ambidex, TensorFlow, JAX and the tools of the tests (600 MB, once; some minutes)"
	@$(PIP) install -c constraints.txt -e '.[all,dev]'
	@$(BIN)/python -m compileall -q src
	@touch $(INSTALLED_DEMO) $@

$(BROWSER): | $(BIN)/pip
	@if ! command -v chromium >/dev/null && [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null; then \
	    echo "Installing Chromium (100 MB, once)"; \
	    { apt-get -qq update && DEBIAN_FRONTEND=noninteractive apt-get -qq -y --no-install-recommends install chromium; } \
	        >/dev/null 2>&1 || true; \
	fi
	@command -v chromium >/dev/null || echo "No Chromium here: the tests of the server's page are left out"
	@touch $@
