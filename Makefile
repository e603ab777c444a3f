# Each target makes the virtual environment first if it is not there.
PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready
# The peer of the corruption benchmark runs on old versions only, which Python 3.11 is the last to have wheels for.
LEGACY_PYTHON ?= python3.11
LEGACY_VENV := .venv.legacy
LEGACY_READY := $(LEGACY_VENV)/.ready

# What `make study` computes on: a data spec such as cifar100:DIR. Without one it writes the report of the results that
# are there. SIZE is one of those in studies/cifar100/stages.toml.
SIZE ?= small
DATA ?=
THREADS ?= 1
NICE ?= 19

.PHONY: demo test check gpu docs bench study study-check legacy clean

demo: $(READY)
	$(BIN)/robustsweep demo

# One worker for each processor, with one thread each; a worker that is done takes tests from the others.
test: $(READY)
	$(BIN)/python -m pytest -n auto --dist worksteal

check: $(READY)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/mypy tests/api/typed_sample.py
	$(BIN)/python -m pytest -q tests/layout

# The tests that need a CUDA device, then the corruptions timed on it.
gpu: $(READY)
	@$(BIN)/python -c 'import torch; raise SystemExit(not torch.cuda.is_available())' \
		|| { echo 'make gpu needs a CUDA device that PyTorch can use; this machine has none.' >&2; exit 2; }
	$(BIN)/python -c 'import torch; print(torch.cuda.get_device_name(), "with PyTorch", torch.__version__)'
	$(BIN)/python -m pytest -v -m gpu
	$(BIN)/python tests/bench/corruptions.py --no-peer

# The pages open from disk: build/docs/index.html.
docs: $(READY) $(VENV)/docs/.ready
	NO_MKDOCS_2_WARNING=1 PYTHONPATH=$(VENV)/docs $(BIN)/python -m mkdocs build --quiet

bench: $(READY) $(LEGACY_READY)
	$(BIN)/python tests/bench/machine.py
	$(BIN)/python tests/bench/run.py
	$(BIN)/python tests/bench/attacks.py
	$(BIN)/python tests/bench/methods.py
	$(BIN)/python tests/bench/corruptions.py
	$(BIN)/python tests/bench/compacted_scale.py

study: $(READY)
	$(BIN)/python studies/study.py studies/cifar100 --size $(SIZE) --data '$(DATA)' --threads $(THREADS) --nice $(NICE)

# A fresh clone without images must write the report that is committed, to the last digit.
study-check: $(READY)
	$(BIN)/python studies/fresh_clone.py studies/cifar100 --size $(SIZE)
	$(BIN)/python studies/rederive.py studies/cifar100/results/$(SIZE)

legacy: $(LEGACY_READY)

clean:
	rm -rf $(VENV) $(LEGACY_VENV) build dist *.egg-info

$(READY): pyproject.toml constraints.txt
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt --editable '.[dev]'
	touch $@

$(VENV)/docs/.ready: docs/requirements.txt | $(READY)
	rm -rf $(VENV)/docs
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --target $(VENV)/docs --requirement $<
	touch $@

$(LEGACY_READY): tests/bench/legacy-requirements.txt
	$(LEGACY_PYTHON) -m venv $(LEGACY_VENV)
	$(LEGACY_VENV)/bin/python -m pip install --quiet --disable-pip-version-check --requirement $<
	touch $@
