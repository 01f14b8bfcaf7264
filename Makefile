# The developer's manual: `make` alone lists what there is.
VENV ?= .venv
PY := $(VENV)/bin/python
PIP := $(PY) -m pip install --disable-pip-version-check -q -c constraints.txt
export PYTEST_DISABLE_PLUGIN_AUTOLOAD = 1

.DEFAULT_GOAL := list
.PHONY: list demo test test-clients check fix bench bench-peers clean

list:  ## list these recipes
	@awk -F':.*## ' '/^[a-z-]+:.*## / {printf "  make %-12s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

$(VENV)/.made:
	python3 -m venv $(VENV)
	touch $@

$(VENV)/.demo: $(VENV)/.made pyproject.toml constraints.txt
	$(PIP) -e '.[demo]'
	touch $@

$(VENV)/.dev: $(VENV)/.made pyproject.toml constraints.txt
	$(PIP) -e '.[demo,test,check]'
	touch $@ $(VENV)/.demo

demo: $(VENV)/.demo  ## simulated fleet + gateway + real workload, no key needed (DEMO_ONCE=1: stop at the end)
	$(VENV)/bin/baton demo $(if $(DEMO_ONCE),--once)

test: $(VENV)/.dev  ## run the tests (network outside loopback is off)
	$(PY) -m pytest -n 2 $(ARGS)

test-clients: $(VENV)/.dev  ## real coding agents and SDKs from npm (1.2 GB) onto every dialect (UPSTREAM=transformers: one more)
	$(PY) -m tests.clients $(if $(UPSTREAM),--onto $(UPSTREAM),--json clients.json --page docs/clients.md)

check: $(VENV)/.dev  ## lint, types, storeys, house rules
	$(VENV)/bin/ruff format --check .
	$(VENV)/bin/ruff check .
	$(VENV)/bin/mypy
	$(VENV)/bin/lint-imports --no-cache
	$(PY) tools/house.py

fix: $(VENV)/.dev  ## format, and mend what the linter can mend
	$(VENV)/bin/ruff format .
	$(VENV)/bin/ruff check --fix .

bench: $(VENV)/.dev  ## CPU per request beside nginx, every fault, what statistics promise, import time, installed size
	$(PY) bench/footprint.py --json
	$(PY) bench/translate.py --json
	$(PY) bench/faults.py --json
	$(PY) bench/statistics.py --json
	$(PY) bench/orchestrator.py --json
	$(PY) bench/mutants.py --json
	$(PY) bench/overhead.py --json

bench-peers:  ## other routers in environments of their own (1.5 GB), for the key `peers` of bench/routing.py
	python3 -m venv .venv-peers/litellm && .venv-peers/litellm/bin/pip install -q 'litellm[proxy]==1.106.2'
	python3 -m venv .venv-peers/cascadeflow && .venv-peers/cascadeflow/bin/pip install -q 'cascadeflow==1.2.0'
	python3 -m venv .venv-peers/uncommonroute && .venv-peers/uncommonroute/bin/pip install -q \
		httpx numpy scikit-learn starlette uvicorn xgboost
	.venv-peers/uncommonroute/bin/pip install -q --no-deps 'uncommon-route==0.7.21'

clean:  ## remove environments and caches
	rm -rf $(VENV) .mypy_cache .ruff_cache .pytest_cache .hypothesis .demo build dist
