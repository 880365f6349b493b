# make demo   the main job, offline, on bundled photographs
# make test   lint, types, documentation and the whole test suite
# make quick  the tests that are not marked slow
# make check  lint, types and the documentation
# make docs   the documentation as a site, strict, in build/docs

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed
OUT ?= demo

.PHONY: demo test quick check docs format clean

demo: $(STAMP)
	$(BIN)/esrlab demo --out $(OUT)

test: check
	$(BIN)/pytest -n auto --dist loadfile

quick: $(STAMP)
	$(BIN)/pytest -n auto --dist loadfile -m "not slow"

check: $(STAMP) docs
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/lint-imports --no-cache
	$(BIN)/basedpyright

docs: $(STAMP)
	$(BIN)/sphinx-build -W --keep-going -E -q -b html docs build/docs

format: $(STAMP)
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

# The environment is made when it is missing and brought up to date when what it is made from changed.
$(STAMP): pyproject.toml constraints.txt
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[dev]'
	touch $@

clean:
	rm -rf $(VENV) $(OUT) build/docs
