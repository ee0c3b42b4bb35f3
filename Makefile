# Every target only calls a tool. The environment is .venv, made from requirements.lock; `make` alone lists the targets.
SHELL := /bin/bash
PYTHON ?= python3.11
BIN := .venv/bin
READY := .venv/.ready
export PATH := $(CURDIR)/$(BIN):$(PATH)
CONFIG = 'study=$(STUDY)' $(if $(TEACHER),'teacher=$(TEACHER)') $(if $(BUDGET),'budget=$(BUDGET)')
# Of pip's lines, enough to see that it works.
SIGNS = awk '/^Collecting/ && ++n % 20 == 0 {print "  " n " packages found"} /^Installing/ {print "  installing"} {fflush()}'
SNAKEMAKE = snakemake --profile profiles/$(or $(PROFILE),default) --config $(CONFIG)

.PHONY: help setup demo measured study publish site lab test lint format lock git clean
.DEFAULT_GOAL := help

help: ## list the targets
	@grep -hE '^[a-z]+:.*## ' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "  make %-9s %s\n", $$1, $$2}'

setup: $(READY) ## make .venv from requirements.lock and this project

$(READY): requirements.lock requirements-local.txt pyproject.toml
	@echo "Setting up .venv with $$(wc -l < requirements.lock) packages: some minutes."
	$(if $(shell command -v $(PYTHON)),$(PYTHON),python3) -m venv .venv
	@set -o pipefail; $(BIN)/python -m pip install --disable-pip-version-check --progress-bar off -r requirements.lock | $(SIGNS)
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps -r requirements-local.txt \
		|| echo "No llama.cpp for this machine: everything but the teacher 'local' works."
	touch $(READY)

DEMO = demo,demo_creators,demo_frames,demo_live,measured

demo: setup ## run three small studies offline, and 05 on measured scores; ends by naming figures, tables and what it would have cost
	@$(MAKE) --no-print-directory study STUDY=$(DEMO)

measured: setup ## 05 on scores that were really measured: tweets, GPT-4 and Llama 2
	@$(MAKE) --no-print-directory study STUDY=measured

study: STUDY ?= demo
study: setup ## run a study: make study STUDY=demo TEACHER=gpt-4o-mini BUDGET=5 (DRY=1: only say what and how much)
	@$(SNAKEMAKE) $(if $(DRY),--dry-run --quiet rules host reason)

publish: STUDY ?= demo
publish: setup ## copy what the repository shows from runs/STUDY to figures/STUDY: make publish STUDY=demo
	@$(BIN)/python -m lib.study.publish '$(STUDY)'

site: setup .venv/.site ## pages to read in a browser, offline: site/index.html, with the notebooks as the last `make demo` executed them
	@$(BIN)/python -m lib.study.site .site
	@NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --quiet --strict
	@test -z "$$(find site -name '*.html' -size +3M -print)" || { echo "A page is over 3 MB:"; find site -name '*.html' -size +3M; exit 1; }
	@echo "Open site/index.html"

.venv/.site: pyproject.toml
	@echo "Adding what makes the site to .venv."
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-build-isolation -c requirements.lock -e '.[site]'
	@touch $@

lab: setup ## JupyterLab on the notebooks: make lab FLAGS="--no-browser --port 9999"
	$(BIN)/jupyter lab --ServerApp.root_dir=$(CURDIR) --ServerApp.preferred_dir=$(CURDIR)/notebooks $(if $(filter 0,$(shell id -u)),--allow-root) $(FLAGS)

test: setup ## run the tests
	$(BIN)/python -m pytest -n logical --dist loadfile --no-loadscope-reorder

lint: setup ## check code, types, and that the notebooks hold no outputs
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/snakefmt --check Snakefile
	$(BIN)/nbstripout --keep-id --verify notebooks/*.ipynb

format: setup ## put code and notebooks into their form
	$(BIN)/ruff check --fix-only --quiet .
	$(BIN)/ruff format .
	$(BIN)/snakefmt Snakefile
	$(BIN)/nbstripout --keep-id notebooks/*.ipynb

git: setup ## set this clone up: readable notebook diffs and merges (nbdime), checks before each commit
	$(BIN)/nbdime config-git --enable
	$(BIN)/pre-commit install

lock: setup ## write requirements.lock anew from the newest versions that pyproject.toml allows
	rm -rf .venv-lock && python3 -m venv .venv-lock
	.venv-lock/bin/pip install --quiet --disable-pip-version-check torch==2.13.0 && .venv-lock/bin/pip install --quiet --disable-pip-version-check -e '.[dev]'
	.venv-lock/bin/pip freeze --all --exclude pip --exclude-editable | sed 's/+cpu$$//' > requirements.lock
	rm -rf .venv-lock

clean: ## delete what runs wrote, but not the replies that were paid for
	find runs -mindepth 1 -maxdepth 1 ! -name 'teacher.sqlite*' ! -name batches -exec rm -rf {} + 2>/dev/null || true
	rm -rf .snakemake site .site
