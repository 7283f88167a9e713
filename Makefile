# `make help` lists what there is. Everything runs from this directory and lives in .venv.

SHELL := /bin/sh
VENV := .venv
BIN := $(VENV)/bin
UV := $(BIN)/uv
UV_VERSION := 0.13.8
RUNTIME := $(VENV)/.runtime-installed
DEV := $(VENV)/.dev-installed
CLIENTS := tests/clients
CLIENT_PACKAGES := $(CLIENTS)/node_modules/.package-lock.json
GRAPHIQL := frontend/graphiql
GRAPHIQL_PACKAGES := $(GRAPHIQL)/node_modules/.package-lock.json
GRAPHIQL_BUILD := $(GRAPHIQL)/dist/manifest.json
NODE := $(BIN)/python -m app.infra.node $(GRAPHIQL)
INSTALL := $(UV) pip install --quiet --python $(BIN)/python --require-hashes -r

.DEFAULT_GOAL := help
.PHONY: help up test test-desktop lint format schema graphiql bench soak lock clean

help: ## Show this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-14s %s\n", $$1, $$2 }' Makefile

up: $(RUNTIME) ## Start everything on http://127.0.0.1:$PORT (8000), with a demo programme; Ctrl-C stops it
	@$(MAKE) --no-print-directory graphiql || echo "Starting without GraphiQL: everything else works." >&2
	@exec $(BIN)/python -m app.cli up --demo

test: $(DEV) $(GRAPHIQL_BUILD) $(CLIENT_PACKAGES) ## Run the test suite; ARGS="…" goes to pytest
	@exec $(BIN)/pytest -n 2 --ignore=tests/desktop $(ARGS)

test-desktop: $(DEV) $(GRAPHIQL_BUILD) ## Run the tests that need a browser or an office program
	@tests/desktop/install.sh
	@exec $(BIN)/pytest -m desktop tests/desktop $(ARGS)

lint: $(DEV) ## Check format, style, types, layers and the committed schemas
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/python -m app.cli schema check

format: $(DEV) ## Format the code and fix what can be fixed
	$(BIN)/ruff check --fix-only --quiet .
	$(BIN)/ruff format .

schema: $(RUNTIME) ## Export both GraphQL schemas to graphql/
	$(BIN)/python -m app.cli schema export

graphiql: $(GRAPHIQL_BUILD) ## Build GraphiQL, which both GraphQL endpoints show to browsers
	@:

bench: $(DEV) ## Run a benchmark: make bench NAME=startup; without a name, list them
	@exec $(BIN)/python -m benchmarks $(NAME) $(ARGS)

soak: $(DEV) ## Run a long trial: make soak NAME=intake; without a name, list them
	@exec $(BIN)/python -m benchmarks --soak $(NAME) $(ARGS)

lock: $(UV) ## Resolve the dependencies of pyproject.toml into the two lock files
	$(UV) pip compile --quiet --universal --python-version 3.11 --generate-hashes \
		--custom-compile-command "make lock" pyproject.toml --output-file requirements.lock
	$(UV) pip compile --quiet --universal --python-version 3.11 --generate-hashes \
		--custom-compile-command "make lock" pyproject.toml --group dev \
		--constraint requirements.lock --output-file requirements-dev.lock

clean: ## Remove the environment and the caches; keeps the data directory
	rm -rf $(VENV) .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
	rm -rf $(GRAPHIQL)/dist $(GRAPHIQL)/node_modules
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

$(RUNTIME): $(UV) requirements.lock
	@echo "Installing the packages of requirements.lock …" >&2
	@$(INSTALL) requirements.lock
	@touch $@

$(DEV): $(UV) requirements-dev.lock
	@echo "Installing the packages of requirements-dev.lock …" >&2
	@$(INSTALL) requirements-dev.lock
	@touch $@ $(RUNTIME)

$(GRAPHIQL_PACKAGES): $(GRAPHIQL)/package.json $(GRAPHIQL)/package-lock.json $(GRAPHIQL)/.npmrc | $(RUNTIME)
	@echo "Installing the packages of $(GRAPHIQL)/package-lock.json …" >&2
	@$(NODE) npm ci --ignore-scripts --loglevel=error || { \
		echo "Fix: let this machine reach an npm registry (npm config set registry …), then: make graphiql" >&2; \
		exit 1; }
	@touch $@

$(GRAPHIQL_BUILD): $(GRAPHIQL_PACKAGES) $(GRAPHIQL)/build.mjs $(wildcard $(GRAPHIQL)/src/*)
	@echo "Building GraphiQL …" >&2
	@$(NODE) node build.mjs

$(CLIENT_PACKAGES): $(CLIENTS)/package.json $(CLIENTS)/package-lock.json $(CLIENTS)/.npmrc | $(DEV)
	@echo "Installing the packages of $(CLIENTS)/package-lock.json …" >&2
	@$(BIN)/python -m app.infra.node $(CLIENTS) npm ci --ignore-scripts --loglevel=error
	@touch $@

# Without uv the environment is missing or half made: begin anew.
$(UV):
	@set -e; found=; \
	for python in "$(PYTHON)" python3 python3.14 python3.13 python3.12 python3.11; do \
		if [ -n "$$python" ] && command -v "$$python" >/dev/null 2>&1 && \
			"$$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))'; \
		then found="$$python"; break; fi; \
	done; \
	if [ -z "$$found" ]; then \
		echo "Tributary needs Python 3.11 or newer; python3 here is: $$(python3 --version 2>&1)." >&2; \
		echo "Fix: install one, or name it: make up PYTHON=/path/to/python3.12" >&2; exit 1; \
	fi; \
	echo "Creating $(VENV) with $$("$$found" --version) …" >&2; \
	"$$found" -m venv --clear $(VENV) || { \
		echo "Fix: install the venv module of this Python (Debian, Ubuntu: apt install python3-venv)." >&2; \
		exit 1; }; \
	$(BIN)/python -m pip install --quiet --disable-pip-version-check uv==$(UV_VERSION)
