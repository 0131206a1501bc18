# make demo runs the product; make test runs everything that proves it. Both set up what they need.
PYTHON ?= python3
PORT ?= 8080
VENV := .venv
RUN := $(VENV)/bin

.PHONY: setup demo test lint acceptance bench lock clean

setup: $(VENV)/.ready-dev

$(VENV)/.ready: requirements.txt requirements-build.txt pyproject.toml
	@echo "Setting up Python packages in $(VENV) (a minute or two the first time) ..."
	@test -x $(RUN)/python || $(PYTHON) -m venv $(VENV)
	@$(RUN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements-build.txt
	@$(RUN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements.txt
	@$(RUN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
	@touch $@

$(VENV)/.ready-dev: $(VENV)/.ready requirements-dev.txt
	@$(RUN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements-dev.txt
	@touch $@

demo: $(VENV)/.ready
	@$(RUN)/inbox demo --port $(PORT)

lint: setup
	$(RUN)/ruff check .
	$(RUN)/ruff format --check .
	$(RUN)/mypy

# Two processes, a file of tests always in one of them.
test: lint
	$(RUN)/python -m pytest -n 2 --dist loadfile

acceptance: setup
	$(RUN)/python tools/acceptance.py

bench: setup
	$(RUN)/inbox bench

lock: setup
	$(RUN)/python -m pip install --quiet pip-tools
	for name in requirements-build requirements requirements-dev; do \
	  $(RUN)/pip-compile --quiet --upgrade --generate-hashes --no-emit-index-url --no-emit-trusted-host --no-emit-find-links --strip-extras \
	    --allow-unsafe --no-header -o $$name.txt $$name.in; done

clean:
	rm -rf $(VENV) build .pytest_cache .mypy_cache .ruff_cache .hypothesis *.egg-info
