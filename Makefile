# The two commands: `make demo` and `make test`. Both make the environment first, from the locks.
VENV ?= .venv
PYTHON ?= python3
BIN := $(CURDIR)/$(VENV)/bin
# Not by what a shell has set for other Pythons.
RUN := env -u PYTHONHOME -u PYTHONPATH -u PYTHONSAFEPATH PATH="$(BIN):$$PATH"

# Tests wait for servers and clocks as well as work, so a few more workers than processors.
WORKERS ?= $(shell echo $$(( ($$(nproc) * 3 + 1) / 2 )))

.DEFAULT_GOAL := help
.PHONY: help env evidence demo test real sweep killed hosts molecule lint docs lock bench mutants release clean

help: ## show what can be made
	@grep -hE '^[a-z]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z]+):.*## (.*)/  make \1\t\2/' | expand -t 16

env: $(VENV)/.runtime ## the Python environment of an audit, a converge and a retrieval, pinned
evidence: $(VENV)/.evidence ## and what writes a package's PDF and decodes more audio

# Each use adds its layer to the environment, and no more.
$(VENV)/.runtime: requirements.lock
	@bin/environment $(VENV) $(PYTHON) runtime

$(VENV)/.evidence $(VENV)/.lab $(VENV)/.test: $(VENV)/.%: requirements-%.lock $(VENV)/.runtime
	@bin/environment $(VENV) $(PYTHON) $*

$(VENV)/.test: $(VENV)/.evidence $(VENV)/.lab

demo: $(VENV)/.lab ## audit the edges of the embedded lab and show what a report says
	@$(RUN) python -m lab run -- bin/demo

test: $(VENV)/.test ## unit, module and playbook tests
	@$(RUN) python -m pytest -n $(WORKERS) --dist loadgroup $(TESTS)

# Real servers are waited for more than they work, so several at once; a browser works.
real: $(VENV)/.test ## tests with real nginx, HAProxy, Squid and Chromium, where they are installed
	@$(RUN) python -m pytest -n 6 --dist loadgroup tests/real
	@$(RUN) python -m pytest tests/browser

sweep: $(VENV)/.test ## every read of the audit denied, throttled, cut and delayed in turn; minutes
	@$(RUN) python -m pytest -n $(WORKERS) --dist loadgroup tests/sweep

killed: $(VENV)/.test ## a converge killed with SIGKILL at twenty moments, completed and undone each time; minutes
	@$(RUN) python -m pytest tests/killed

hosts: $(VENV)/.test ## tests on nodes with systemd and sshd, where podman runs
	@$(RUN) python -m pytest tests/hosts

molecule: $(VENV)/.test ## scenarios on real nodes: broken, converged, edited by hand, rolled back; SCENARIO=timeouts for one
	@$(RUN) python molecule/run.py $(SCENARIO)

lint: $(VENV)/.test ## ruff, mypy --strict, ansible-lint (production)
	$(RUN) ruff check .
	$(RUN) ruff format --check .
	cd module_utils && $(RUN) mypy --config-file ../pyproject.toml edge
	$(RUN) ansible-lint --offline --profile production

docs: $(VENV)/.test ## write docs/checks.md and docs/variables.md from the code
	@$(RUN) python docs/generate.py

bench: $(VENV)/.test ## measure; every figure is a ratio against something of the same run
	@for each in benchmarks/*.py; do echo "== $$each"; $(RUN) python $$each || exit 1; done

mutants: $(VENV)/.test ## change modules in one place after another and see that a test notices; hours; MODULES="path verdict" for some
	@$(RUN) python tests/mutants.py $(MODULES)

lock: $(VENV)/.test ## pin pyproject.toml's dependencies; UPGRADE=--upgrade for their newest releases
	@UV=$(VENV)/bin/uv bin/lock $(UPGRADE)

release: $(VENV)/.test ## build what is published in dist/: the tree, its bill of materials, what changed, checksums
	@bin/release

clean: ## remove the environment, the lab and caches; runs stay
	rm -rf $(VENV) dist .lab .molecule .pytest_cache .mypy_cache .ruff_cache .hypothesis
