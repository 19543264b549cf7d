# What can be done here, one target each; `make` alone lists them. Needs Python 3.11+ and make, unless a target says more.

PYTHON ?=
VENV ?= .venv
PIP_VERSION := 26.1

BIN := $(VENV)/bin
RUNTIME := $(VENV)/.stamp-runtime
DEV := $(VENV)/.stamp-dev
PIP := $(BIN)/python -m pip --disable-pip-version-check
PIP_LOCKED := $(PIP) install --quiet --require-hashes --requirement
PIP_PROJECT := $(PIP) install --quiet --no-deps --no-build-isolation --editable .

# Settings of a user's pip that would put packages elsewhere than into the environment.
unexport PIP_USER PIP_TARGET PIP_PREFIX

# The first of these that runs, is new enough and can make environments. A PYTHON that is given is the only candidate.
FIND_PYTHON = for candidate in $(or $(PYTHON),python3 python3.13 python3.12 python3.11); do \
	  if "$$candidate" -c 'import ensurepip, sys, venv; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then \
	    python="$$candidate"; break; \
	  fi; \
	done; \
	if [ -z "$${python:-}" ]; then \
	  for candidate in $(or $(PYTHON),python3 python3.13 python3.12 python3.11); do \
	    if "$$candidate" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then \
	      echo "$$candidate can not make environments: on Debian and Ubuntu, apt-get install python3-venv" >&2; exit 1; \
	    fi; \
	  done; \
	  echo "no Python 3.11 or newer with venv among: $(or $(PYTHON),python3 python3.13 python3.12 python3.11)" >&2; \
	  echo "install one, or name it: make PYTHON=/path/to/python" >&2; \
	  exit 1; \
	fi

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.PHONY: help setup demo demo-agno smoke test test-matrix test-providers lock-providers test-tracing lock-tracing test-runners lock-runners test-engines lock-engines test-agno contract contract-full spec-diff
.PHONY: regenerate-check contract-live vendor-check chaos soak soak-backfill soak-runners torture lint types generate check-generated lint-spec wheel-check
.PHONY: bench bench-compare docs lock sbom clean test-browser vendor-assets emulator

help: ## list the targets
	@sed -n 's/^\([a-z][a-z-]*\):.*## \(.*\)/\1|\2/p' $(firstword $(MAKEFILE_LIST)) \
	  | while IFS='|' read -r name what; do printf '  make %-16s %s\n' "$$name" "$$what"; done

setup: $(DEV) ## make .venv with the package, the emulator and the tools for development

# An environment without the tools is enough for the demo; the tools come on top of it.
$(RUNTIME): pyproject.toml requirements.txt
	@set -eu; $(FIND_PYTHON); \
	if [ ! -x $(BIN)/python ]; then echo "making $(VENV) with $$("$$python" --version)"; "$$python" -m venv "$(VENV)"; fi
	@echo "installing the package and what it needs (10 s)"
	@$(PIP) install --quiet pip==$(PIP_VERSION)
	@$(PIP_LOCKED) requirements.txt
	@$(PIP_PROJECT)
	@touch $@

$(DEV): $(RUNTIME) requirements-dev.txt
	@echo "installing the tools for development (30 s)"
	@$(PIP_LOCKED) requirements-dev.txt
	@$(PIP_PROJECT)
	@touch $@

DEMO_DB ?= demo-runs.db

demo: $(RUNTIME) ## report runs and drive tasks against a local platform, and show what became of them
	@$(BIN)/python examples/demo.py $(DEMO_DB)

# What Agno 2.5 imports from the libraries of MCP and Anthropic is gone from their newest versions.
AGNO_OLDEST := 'agno[mcp]==2.5.14' 'mcp<2' 'anthropic<1'

.venv-agno-oldest/.stamp-agno: pyproject.toml constraints.txt Makefile
	@$(MAKE) --no-print-directory VENV=.venv-agno-oldest .venv-agno-oldest/.stamp-runtime
	@.venv-agno-oldest/bin/python -m pip --disable-pip-version-check install --quiet $(AGNO_OLDEST) --group agno
	@touch $@

.venv-agno-newest/.stamp-agno: pyproject.toml constraints.txt Makefile
	@$(MAKE) --no-print-directory VENV=.venv-agno-newest .venv-agno-newest/.stamp-runtime
	@.venv-agno-newest/bin/python -m pip --disable-pip-version-check install --quiet --upgrade 'agno[mcp]' --group agno
	@touch $@

demo-agno: .venv-agno-newest/.stamp-agno ## run an agent of the local platform with Agno in a worker, its model a script
	@.venv-agno-newest/bin/python examples/agno_worker.py

test-agno: .venv-agno-oldest/.stamp-agno .venv-agno-newest/.stamp-agno ## run agents with the oldest and newest Agno, in environments of their own
	.venv-agno-oldest/bin/python -m pytest tests/agno_runs $(ARGS)
	.venv-agno-newest/bin/python -m pytest tests/agno_runs $(ARGS)

# How many processes run the tests: by default one for each core, up to four.
TEST_PROCESSES ?= auto

test: $(DEV) ## run all tests, side by side on the cores there are; TEST_PROCESSES=0 runs one after the other
	@echo "running 14,000 tests (5 to 8 minutes on two quiet cores)"
	$(BIN)/python -m pytest -n $(TEST_PROCESSES) --maxprocesses 4 --dist worksteal $(ARGS)

smoke: $(DEV) ## the main job and its tests, in less than a minute
	$(BIN)/python -m pytest -q tests/e2e/backend tests/unit/requests tests/unit/client tests/unit/types $(ARGS)

test-providers: $(RUNTIME) ## read what the real libraries of providers and frameworks return; ARGS=--short for the form of CI
	$(BIN)/python tools/test_providers $(ARGS)

lock-providers: $(RUNTIME) ## bring the environments of test-providers to the newest releases
	$(BIN)/python tools/test_providers --lock $(ARGS)

test-tracing: $(RUNTIME) ## hold runs against the spans of real emitters, and against instrumented clients; ARGS=--short for the form of CI
	$(BIN)/python tools/test_providers --suite tracing $(ARGS)

lock-tracing: $(RUNTIME) ## bring the environments of test-tracing to the newest releases
	$(BIN)/python tools/test_providers --suite tracing --lock $(ARGS)

test-runners: $(RUNTIME) ## record jobs of the real job runners (needs Debian's redis-server); ARGS=--short for the form of CI
	$(BIN)/python tools/test_providers --suite runners $(ARGS)

lock-runners: $(RUNTIME) ## bring the environments of test-runners to the newest releases
	$(BIN)/python tools/test_providers --suite runners --lock $(ARGS)

test-engines: $(RUNTIME) ## report rows on the real Dask, Ray and Spark (needs Debian's default-jre-headless); ARGS=--short for CI, --full for 100,000
	$(BIN)/python tools/test_providers --suite engines $(ARGS)

lock-engines: $(RUNTIME) ## bring the environments of test-engines to the newest releases
	$(BIN)/python tools/test_providers --suite engines --lock $(ARGS)

test-browser: ## use the emulator's page in a real browser, in an environment of its own (needs Debian's chromium)
	@command -v chromium chromium-browser google-chrome >/dev/null || { \
	  echo "no Chromium here: install it, for example with 'apt-get update && apt-get install chromium'" >&2; exit 2; }
	@$(MAKE) --no-print-directory VENV=.venv-browser .venv-browser/.stamp-runtime
	@.venv-browser/bin/python -m pip --disable-pip-version-check install --quiet -c constraints.txt --group browser
	.venv-browser/bin/python -m pytest --confcutdir=tests/browser tests/browser $(ARGS)

vendor-assets: ## fetch the emulator's browser files of other projects by npm, and record their hashes (needs npm)
	python3 tools/vendor_assets

.venv-docs/.stamp-docs: pyproject.toml constraints.txt Makefile
	@$(MAKE) --no-print-directory VENV=.venv-docs .venv-docs/.stamp-runtime
	@.venv-docs/bin/python -m pip --disable-pip-version-check install --quiet -c constraints.txt --group docs
	@touch $@

docs: .venv-docs/.stamp-docs ## build the documentation as a site in site/, with search and a reference of every public name
	.venv-docs/bin/python tools/docs

emulator: $(RUNTIME) ## serve a local platform with a page for your browser, on the runs that make demo kept
	@$(BIN)/python -m xpander_facade.emulator --db $(DEMO_DB) $(ARGS)

test-matrix: $(RUNTIME) ## test with the lowest and newest dependencies; ARGS=--short for the form of CI
	$(BIN)/python tools/test_matrix $(ARGS)

chaos: $(RUNTIME) ## record runs while the platform fails and processes are killed, and count them; ARGS=--short for the form of CI
	$(BIN)/python tools/chaos $(ARGS)

soak: $(RUNTIME) ## let workers do tasks while they are killed and cut off, and count; ARGS=--short for the form of CI
	$(BIN)/python tools/soak $(ARGS)

soak-backfill: $(DEV) ## report a million rows while the platform fails and the process is killed, and count; ARGS="--rows 20000" for a try
	$(BIN)/python tools/soak_backfill $(ARGS)

soak-runners: $(RUNTIME) ## do jobs in real job runners while processes, hosts and the platform fail, and count (needs Debian's redis-server)
	$(BIN)/python tools/soak_runners $(ARGS)

torture: $(RUNTIME) ## everything at once against the outbox, five minutes; ARGS=--short for CI, ARGS=--mutations for seeded faults
	$(BIN)/python tools/torture $(ARGS)

lint: $(DEV) ## check style, formatting, and who imports whom
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/lint-imports

types: $(DEV) ## check the types with mypy and pyright, both strict
	$(BIN)/mypy
	$(BIN)/pyright --pythonpath $(BIN)/python

generate: $(RUNTIME) ## write generated/ anew from openapi.yaml
	$(BIN)/python tools/generate

check-generated: $(RUNTIME) ## check that generated/ is what openapi.yaml gives, nothing more and nothing less
	$(BIN)/python tools/generate --check

node_modules/.package-lock.json: package.json package-lock.json
	npm ci
	@touch $@

lint-spec: node_modules/.package-lock.json ## lint openapi.yaml (needs Node 20.19+ and npm)
	npm run --silent lint-spec

# The wheel goes into two empty environments, far from the checkout: a plain one reports, one with all extras answers, and
# brings its command and its pytest plugin.
wheel-check: $(RUNTIME) ## build the wheel, install it elsewhere and report a run with it
	@set -eu; \
	folder="$$(mktemp -d)"; emulator=; \
	trap 'if [ -n "$$emulator" ]; then kill "$$emulator" && wait "$$emulator" || true; fi; rm -rf "$$folder"' EXIT; \
	$(PIP) wheel --quiet --no-deps --build-constraint constraints.txt --wheel-dir "$$folder" .; \
	wheel="$$(echo "$$folder"/*.whl)"; \
	cp constraints.txt examples/report_external_task.py "$$folder"; \
	for name in plain emulator; do \
	  $(BIN)/python -m venv "$$folder/$$name"; \
	  "$$folder/$$name/bin/python" -m pip --disable-pip-version-check install --quiet pip==$(PIP_VERSION); \
	done; \
	cd "$$folder"; \
	plain/bin/python -m pip --disable-pip-version-check install --quiet -c constraints.txt "$$wheel"; \
	emulator/bin/python -m pip --disable-pip-version-check install --quiet -c constraints.txt "$$wheel[cli,emulator]" pytest; \
	plain/bin/python -I -c 'import xpander_facade as x; print("wheel", x.__version__, "imported; it holds", len(x.__all__), "names")'; \
	plain/bin/python -I -c 'import importlib.util as u; assert not u.find_spec("starlette") and not u.find_spec("yaml")'; \
	plain/bin/python -m pip list --format freeze | grep -cv '^pip==' | sed 's/$$/ distributions in the plain environment/'; \
	status=0; plain/bin/xpander-facade --version 2> remedy || status=$$?; [ "$$status" = 2 ]; grep -q 'xpander-facade\[cli\]' remedy; \
	emulator/bin/xpander-facade --version; \
	printf 'def test_it(xpander_backend, xpander_emulator):\n    xpander_backend.report_external_task(id="a")\n    assert xpander_emulator.task("a")\n' > test_plugin.py; \
	emulator/bin/python -m pytest -q test_plugin.py; \
	mkdir elsewhere; cd elsewhere; \
	XPANDER_EMULATOR_API_KEY=wheel-key ../emulator/bin/xpander-facade emulator --port 0 --quiet > url & emulator=$$!; \
	cd ..; \
	for _ in $$(seq 100); do [ -s elsewhere/url ] && break; sleep 0.1; done; \
	[ -s elsewhere/url ] || { echo "the emulator of the wheel did not start" >&2; exit 1; }; \
	XPANDER_BASE_URL="$$(head -n 1 elsewhere/url)" XPANDER_API_KEY=wheel-key XPANDER_ORGANIZATION_ID=org-1 \
	  XPANDER_AGENT_ID=wheel-agent plain/bin/python report_external_task.py; \
	echo "the wheel works outside the checkout"
	@$(BIN)/python tools/sdist_check

bench: $(RUNTIME) ## run the benchmarks; BENCH=--quick runs fewer rounds
	$(BIN)/python benchmarks/run.py $(BENCH)

bench-compare: $(RUNTIME) ## measure another revision, BASE=<rev>, beside today's, and print the ratio of each row; ARGS=--only sync
	$(BIN)/python benchmarks/compare.py $(or $(BASE),$(error pass BASE=<git revision>)) $(ARGS)

tools/prism/node_modules/.package-lock.json: tools/prism/package.json tools/prism/package-lock.json
	cd tools/prism && npm ci
	@touch $@

contract: $(DEV) ## hold the facade and the emulator against openapi.yaml
	$(BIN)/python -m pytest tests/contract

contract-full: $(DEV) node_modules/.package-lock.json tools/prism/node_modules/.package-lock.json ## the same with Prism, the vendor's client and the contract's changes (needs Node)
	$(BIN)/python -m pytest tests/contract
	$(BIN)/python -m pytest tests/contract/prism
	$(BIN)/python tools/vendor_check
	$(BIN)/python tools/spec_diff $(BASE)

spec-diff: $(RUNTIME) node_modules/.package-lock.json ## what changed in openapi.yaml since BASE=<git rev or file>, for users (needs Node)
	$(BIN)/python tools/spec_diff $(BASE)

regenerate-check: $(DEV) ## what another contract, SPEC=path, would break
	$(BIN)/python tools/regenerate_check $(or $(SPEC),$(error pass SPEC=path of the other openapi.yaml))

contract-live: $(DEV) ## hold the real platform, with your XPANDER_* variables, against openapi.yaml; WRITE=1 also reports
	$(BIN)/python tools/contract_live

vendor-check: $(RUNTIME) ## run the vendor's own client against the emulator
	$(BIN)/python tools/vendor_check

lock: $(RUNTIME) ## write requirements*.txt with their hashes anew; ARGS=--check writes nothing
	$(BIN)/python tools/lock $(ARGS)

sbom: ## write sbom.json, what the package and its emulator bring (CycloneDX)
	@$(MAKE) --no-print-directory VENV=.venv-sbom .venv-sbom/.stamp-runtime
	@.venv-sbom/bin/python -m pip --disable-pip-version-check install --quiet cyclonedx-bom==7.5.0
	.venv-sbom/bin/cyclonedx-py requirements requirements.txt --pyproject pyproject.toml --output-reproducible --output-file sbom.json

clean: ## delete the environments, caches and builds
	rm -rf .venv .venv-* node_modules dist build .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
