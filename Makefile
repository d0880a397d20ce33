# Every target works alone on a fresh machine with Python 3.11 or newer and make.

PYTHON ?= python3
PREFIX ?= $(HOME)/.local
override PREFIX := $(patsubst ~/%,$(HOME)/%,$(PREFIX))
VENV   := .venv
BIN    := $(VENV)/bin
DEMO   := build/demo
STUDY  := build/humans
PAGES  := $(wildcard man/*.[1357])
SOURCE := pyproject.toml README.md $(wildcard .packaging/* .license/*) $(PAGES) \
          $(shell find lib tools -name '*.py' -o -path '*/data/*.*')
TOOLS  := $(basename $(notdir $(filter-out tools/__init__.py,$(wildcard tools/*.py))))
PIP    := $(BIN)/python -m pip --disable-pip-version-check --quiet

EXTRA  := $(if $(filter-out 0,$(IMAGES)),[images])
# Of make test.  JOBS: processes that share the tests.  TESTS: files or folders, all where empty.
# CPU: instructions that PyTorch may use, default or avx2.  THREADS: of each process; they sleep
# while they wait, since on cores that others use too, threads that spin take several times as long.
JOBS    ?= auto
TESTS   ?=
CPU     ?=
THREADS ?= 1

export MPLCONFIGDIR := $(CURDIR)/build/matplotlib

.PHONY: help demo humans test gpu bench coverage lint graph format install uninstall clean

help:            ## list the targets
	@sed -n 's/^\([a-z]*\): .*## /  make \1 \t/p' Makefile | expand -t 18

$(BIN)/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
	  || { echo "make: $(PYTHON) is $$($(PYTHON) --version 2>&1); Python 3.11 or newer is needed," \
	       "as make PYTHON=python3.12" >&2; exit 1; }
	$(PYTHON) -m venv $(VENV)

$(VENV)/.installed: $(BIN)/python $(SOURCE)
	@echo "installing into $(VENV) ..." >&2
	$(PIP) install --constraint .constraints.txt .
	@touch $@

$(VENV)/.test: $(VENV)/.installed
	$(PIP) install --constraint .constraints.txt '.[images,test]'
	@touch $@

demo: $(VENV)/.installed  ## fit the paper's runs, plan for 1e22 FLOPs, draw the figures
	@mkdir -p $(DEMO)
	@PATH="$(CURDIR)/$(BIN):$$PATH" $(BIN)/python tests/demo.py $(DEMO)

humans: $(VENV)/.test  ## the human study from end to end, with simulated people in a browser
	@mkdir -p $(STUDY)
	@PATH="$(CURDIR)/$(BIN):$$PATH" PYTHONPATH=tests:tests/humans $(BIN)/python tests/human_study.py $(STUDY)

test: $(VENV)/.test  ## run every test in an environment of its own; CPU=default|avx2, THREADS=N, TESTS=PATHS
	$(if $(CPU),ATEN_CPU_CAPABILITY=$(CPU)) OMP_NUM_THREADS=$(THREADS) OMP_WAIT_POLICY=PASSIVE \
	  $(BIN)/python -m pytest --numprocesses $(JOBS) --maxprocesses 8 --dist worksteal $(TESTS)

gpu: $(VENV)/.test  ## on a machine with a GPU: its numbers against a CPU's, images/s, share of peak
	@$(BIN)/python -c 'import sys, torch; sys.exit(not torch.cuda.is_available())' \
	  || { echo "make gpu: no GPU is here, so nothing was checked" >&2; exit 1; }
	$(BIN)/python -m pytest tests/gpu
	$(BIN)/python tests/gpu/speed.py

bench: $(VENV)/.test  ## speed against named references, then the coverage of intervals
	$(BIN)/python tests/bench/speed.py
	$(BIN)/python tests/bench/shards.py
	$(BIN)/python tests/bench/training.py
	$(BIN)/python tests/bench/attacks.py
	$(BIN)/python tests/bench/quality.py
	$(BIN)/python tests/bench/sampling.py
	$(BIN)/python tests/bench/coverage.py 200 250

coverage: $(VENV)/.test  ## only that: 200 simulated studies, some ten minutes
	$(BIN)/python tests/bench/coverage.py 200 250

# The working tree under its import names, for tools that read the source.
build/source: Makefile
	@mkdir -p $@ && ln -sfn "$(CURDIR)/lib" $@/advlib && ln -sfn "$(CURDIR)/tools" $@/advtools
	@touch $@

lint: $(VENV)/.test build/source  ## ruff, mypy, and mandoc on the manual
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	MYPYPATH=build/source $(BIN)/mypy
	@if command -v mandoc >/dev/null; then mandoc -Tlint -W warning $(PAGES); \
	 else echo "lint: no mandoc here; the manual is not checked" >&2; fi

graph: $(VENV)/.test build/source  ## build/rooms.svg: which room imports which, by import-linter and Graphviz
	$(PIP) install import-linter
	PYTHONPATH=build/source $(BIN)/import-linter drawgraph --show-cycle-breakers advlib > build/rooms.dot
	dot -Tsvg -o build/rooms.svg build/rooms.dot

format: $(VENV)/.test  ## let ruff format the code
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

install:         ## commands, manual, completions into PREFIX (~/.local); IMAGES=1 adds PyTorch
	$(PYTHON) -m venv "$(PREFIX)/lib/advtools"
	"$(PREFIX)/lib/advtools/bin/python" -m pip --disable-pip-version-check --quiet install \
	  --constraint .constraints.txt '.$(EXTRA)'
	@mkdir -p "$(PREFIX)/bin" "$(PREFIX)/share/bash-completion/completions" \
	  "$(PREFIX)/share/zsh/site-functions" "$(PREFIX)/share/fish/vendor_completions.d"
	@for page in $(PAGES); do \
	   folder="$(PREFIX)/share/man/man$${page##*.}"; mkdir -p "$$folder" && cp $$page "$$folder" || exit 1; \
	 done
	@for tool in $(TOOLS); do \
	   ln -sf "../lib/advtools/bin/$$tool" "$(PREFIX)/bin/$$tool" || exit 1; \
	   variable=_$$(echo $$tool | tr a-z A-Z)_COMPLETE; \
	   run() { env $$variable=$$1_source "$(PREFIX)/bin/$$tool"; }; \
	   run bash > "$(PREFIX)/share/bash-completion/completions/$$tool"; \
	   run zsh > "$(PREFIX)/share/zsh/site-functions/_$$tool"; \
	   run fish > "$(PREFIX)/share/fish/vendor_completions.d/$$tool.fish"; \
	 done
	@echo "installed $(words $(TOOLS)) commands in $(PREFIX)/bin; start with: man advtools"

uninstall:       ## remove what install put into PREFIX
	rm -rf "$(PREFIX)/lib/advtools"
	@for tool in $(TOOLS); do \
	   rm -f "$(PREFIX)/bin/$$tool" "$(PREFIX)/share/bash-completion/completions/$$tool" \
	     "$(PREFIX)/share/zsh/site-functions/_$$tool" \
	     "$(PREFIX)/share/fish/vendor_completions.d/$$tool.fish"; \
	 done
	@for page in $(notdir $(PAGES)); do rm -f "$(PREFIX)/share/man/man$${page##*.}/$$page"; done

clean:           ## remove the environment and everything built
	rm -rf $(VENV) build dist .*_cache .hypothesis
