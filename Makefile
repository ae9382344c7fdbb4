# The two commands: `make demo` and `make test`. Both make the environment first, from requirements.lock.
VENV ?= .venv
PYTHON ?= python3
BIN := $(CURDIR)/$(VENV)/bin
RUN := env PATH="$(BIN):$$PATH"

.DEFAULT_GOAL := help
.PHONY: help env demo test real sweep killed hosts molecule lint docs lock bench clean

help: ## show what can be made
	@grep -hE '^[a-z]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z]+):.*## (.*)/  make \1\t\2/' | expand -t 16

env: $(VENV)/.ready ## the Python environment, pinned

$(VENV)/.ready: requirements.lock requirements-uv.lock
	@bin/python-for-venv $(PYTHON)
	@echo "making the environment in $(VENV) ..."
	@$(PYTHON) -m venv --clear $(VENV)
	@$(VENV)/bin/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements-uv.lock
	@$(VENV)/bin/uv pip install --quiet --python $(VENV)/bin/python --require-hashes -r requirements.lock
	@# Compiled once here, and not by every process anew: some environments and users may not write bytecode.
	@$(VENV)/bin/python -m compileall -qq -j 0 -x 'ansible_collections|/tests?/' $(VENV)/lib || true
	@touch $@

demo: env ## audit the edges of the embedded lab and show what a report says
	@$(RUN) python -m lab run -- bin/demo

test: env ## unit, module and playbook tests
	@$(RUN) python -m pytest -n auto --dist loadgroup --tb native

# Real servers are waited for more than they work, so several at once; a browser works. What fails is tried once more, one
# after another: a busy machine is late once, a defect is there twice.
real: env ## tests with real nginx, HAProxy, Squid and Chromium, where they are installed
	@$(RUN) python -m pytest -n 6 --dist loadgroup tests/real || $(RUN) python -m pytest --last-failed --last-failed-no-failures none tests/real
	@$(RUN) python -m pytest tests/browser

sweep: env ## every read of the audit denied, throttled, cut and delayed in turn; minutes
	@$(RUN) python -m pytest -n auto --dist loadgroup --tb native tests/sweep

killed: env ## a converge killed with SIGKILL at twenty moments, completed and undone each time; minutes
	@$(RUN) python -m pytest tests/killed

hosts: env ## tests on nodes with systemd and sshd, where podman runs
	@$(RUN) python -m pytest tests/hosts

molecule: env ## scenarios on real nodes: broken, converged, edited by hand, rolled back; SCENARIO=timeouts for one
	@$(RUN) python molecule/run.py $(SCENARIO)

lint: env ## ruff, mypy --strict, ansible-lint (production)
	$(RUN) ruff check .
	$(RUN) ruff format --check .
	cd module_utils && $(RUN) mypy --config-file ../pyproject.toml edge
	$(RUN) ansible-lint --offline --profile production

docs: env ## write docs/checks.md and docs/variables.md from the code
	@$(RUN) python docs/generate.py

bench: env ## measure; every figure is a ratio against something of the same run
	@for each in benchmarks/*.py; do echo "== $$each"; $(RUN) python $$each || exit 1; done

lock: ## pin pyproject.toml's dependencies anew
	uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-header --no-emit-index-url \
	  --no-emit-find-links --extra audio --extra lab --extra test pyproject.toml -o requirements.lock

clean: ## remove the environment, the lab and caches; runs stay
	rm -rf $(VENV) .lab .molecule .pytest_cache .mypy_cache .ruff_cache .hypothesis
