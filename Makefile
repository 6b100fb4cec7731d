# Everything installs into .venv from the hashed lock files; nothing is installed by hand.
PYTHON ?= $(shell for p in python3 python3.13 python3.12 python3.11; do \
	"$$p" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && echo "$$p" && break; done)
BIN := .venv/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check --no-input install --quiet
# Each has an environment of its own.
TOOLS := sdk fuzz bench browser audit
COMPILE := $(BIN)/uv pip compile --universal --generate-hashes --no-header --no-strip-extras --quiet

export HOST ?= 127.0.0.1
export PORT ?= 8000

.PHONY: serve build quick test test-all check sdk fuzz browser screenshots faults sbom audit bench format lock lock-check openapi clean

serve: .venv/runtime ## install, build the database when it is missing or old, and serve it
	$(BIN)/shisaku build --if-needed
	$(BIN)/shisaku serve

build: .venv/runtime ## build the database from seed/
	$(BIN)/shisaku build

# All tests of a module run in one process, because they share a service.
PYTEST := $(BIN)/python -m pytest --numprocesses 2 --dist loadfile
QUICK := $(addprefix tests/test_,$(addsuffix .py,first_document second_document text sums errors settings \
	compatibility read_only))

# In one process: to start two more takes longer than these tests.
quick: .venv/dev ## what an editor wants after each save: ten seconds
	$(BIN)/python -m pytest -q --hypothesis-profile quick -m "not postgres and not slow" $(QUICK)

test: .venv/dev ## every test over SQLite: two minutes on two cores
	$(PYTEST) -m "not postgres and not slow"

test-all: .venv/dev ## every test, over PostgreSQL too, on a larger corpus, and every branch of app/ covered; the SDKs; made requests; the pages in a browser
	CORPUS_LINES=13,1000,20000 CORPUS_TERMS=300 $(PYTEST) --hypothesis-profile thorough --cov
	$(MAKE) --no-print-directory sdk
	$(MAKE) --no-print-directory fuzz
	$(MAKE) --no-print-directory browser

check: .venv/dev ## format, lint, types, imports, seed, locks, and what is generated
	$(BIN)/ruff format --check
	$(BIN)/ruff check
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/shisaku check
	$(BIN)/shisaku openapi --check
	$(BIN)/shisaku schemas --check
	$(MAKE) --no-print-directory lock-check

format: .venv/dev ## mend what the tools can
	$(BIN)/ruff format
	$(BIN)/ruff check --fix

openapi: .venv/dev ## write what is generated: the OpenAPI document and the seed's schemas
	$(BIN)/shisaku openapi
	$(BIN)/shisaku schemas

sdk: .venv/dev .venv-sdk/ready ## generate clients with the real tools, compile them strictly, and use them
	$(BIN)/python -m pytest tests/sdk/check_sdks.py

fuzz: .venv/dev .venv-fuzz/ready ## ask a service what its OpenAPI document allows and what it does not (FUZZ_SECONDS, FUZZ_EXAMPLES)
	$(BIN)/python -m pytest -s tests/fuzz/check_api.py

browser: .venv/dev .venv-browser/ready ## open the pages in Chromium, and check their accessibility and their HTML
	PYTHONPATH=$$(echo .venv-browser/lib/python*/site-packages) $(BIN)/python -m pytest tests/browser/check_pages.py

screenshots: .venv/dev .venv-browser/ready ## pictures of every kind of page, in data/screenshots/; those of the README anew
	$(BIN)/shisaku build --if-needed
	PYTHONPATH=.:$$(echo .venv-browser/lib/python*/site-packages) $(BIN)/python tests/browser/screenshots.py

faults: .venv/dev build ## what happens under load, as a table: three minutes, or one with FAULTS=--short
	$(BIN)/python -m tests.faults.load $(FAULTS)

sbom: .venv/runtime .venv-audit/ready ## what a service is made of, and under which licences: data/sbom.json, data/licences.md
	@mkdir -p data
	.venv-audit/bin/cyclonedx-py requirements requirements.txt --pyproject pyproject.toml --output-reproducible --output-file data/sbom.json
	.venv-audit/bin/pip-licenses --python $(BIN)/python --format markdown --with-urls --output-file data/licences.md \
		--packages $$(sed -n 's/^\([a-z0-9_.-]*\)\(\[.*\]\)\{0,1\}==.*/\1/p' requirements.txt)

audit: .venv-audit/ready ## known vulnerabilities of what a service is made of; asks PyPI
	.venv-audit/bin/pip-audit --disable-pip --require-hashes --requirement requirements.txt

bench: .venv/dev .venv-bench/ready ## how fast it answers beside its peers (BENCH_LINES, BENCH_SECONDS, BENCH_FOLDER)
	$(BIN)/python -m tests.bench

# Compiles the lock files into a folder.
define LOCK
@$(COMPILE) $(UPGRADE) pyproject.toml --group build --output-file $(1)requirements.txt
@$(COMPILE) $(UPGRADE) pyproject.toml --extra mcp --group dev --constraint requirements.txt --output-file $(1)requirements-dev.txt
@for tool in $(TOOLS); do \
	$(COMPILE) $(UPGRADE) --group $$tool --output-file $(1)requirements-$$tool.txt || exit 1; \
done
endef

lock: UPGRADE := --upgrade
lock: .venv/dev ## write the lock files anew
	$(call LOCK)

lock-check: .venv/dev
	@rm -rf .venv/locks && mkdir .venv/locks && cp requirements*.txt .venv/locks
	$(call LOCK,.venv/locks/)
	@for name in requirements*.txt; do \
		grep -v '^ *#' $$name >.venv/committed && grep -v '^ *#' .venv/locks/$$name | cmp -s .venv/committed || \
			{ echo "$$name is not what pyproject.toml asks for: run make lock"; exit 1; }; \
	done

.venv/python:
	@test -n "$(PYTHON)" || { echo "Python 3.11 or newer is needed: install it, or name it with PYTHON=…"; exit 1; }
	$(PYTHON) -m venv .venv
	@touch $@

.venv/runtime: .venv/python requirements.txt pyproject.toml
	$(PIP) --require-hashes -r requirements.txt
	$(PIP) --no-deps --no-build-isolation --editable .
	@touch $@

.venv/dev: .venv/runtime requirements-dev.txt
	$(PIP) --require-hashes -r requirements-dev.txt
	@touch $@

# Peers that cannot be had on this machine are left out of the benchmark.
OR_bench := || echo "The peers cannot be installed here: the benchmark leaves them out."
.venv-%/ready: .venv/python requirements-%.txt
	$(PYTHON) -m venv .venv-$*
	.venv-$*/bin/python -m pip --disable-pip-version-check --no-input install --quiet --require-hashes -r requirements-$*.txt$(OR_$*)
	@touch $@

clean: ## remove what was installed and built
	rm -rf .venv $(TOOLS:%=.venv-%) data tests/sdk/generated tests/*/node_modules
