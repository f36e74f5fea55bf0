# Two commands do everything on a fresh machine: `make demo` and `make test`. `make quick` is for the working day.
# The demo takes what a user installs; tests take torch too, which on Linux is gigabytes unless its CPU build comes first.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed
TRIED := $(VENV)/.tried

.PHONY: install demo quick test check bench weights docs site packages viewer clean

install: $(STAMP)

# The constraints file pins torch for development; users get what PyPI gives.
$(STAMP): pyproject.toml constraints.txt
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/pip install --quiet --disable-pip-version-check -c constraints.txt -e ".[dev]"
	touch $(STAMP)

$(TRIED): pyproject.toml
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	test -f $(STAMP) || $(BIN)/pip install --quiet --disable-pip-version-check -e ".[report,view]"
	touch $(TRIED)

demo: $(TRIED)
	$(BIN)/earthloom demo --output demo-output --overwrite

check: install
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/pyright

# Laws, contracts on small scenes, and the shape of the house: a minute or so on two cores.
quick: install
	$(BIN)/ruff check .
	$(BIN)/python -m pytest -n 2 --dist loadfile -m "not slow" tests/laws tests/contract tests/test_architecture.py

test: check
	$(BIN)/python -m pytest -n 2 --dist loadfile

bench: install
	command -v gdal_pansharpen.py || apt-get install -y gdal-bin || echo "no gdal-bin: speed will not be recorded"
	$(BIN)/python -m bench.pansharpening.accuracy
	$(BIN)/python -m bench.pansharpening.refine
	$(BIN)/python -m bench.pansharpening.landsat8
	$(BIN)/python -m bench.pansharpening.speed --memory
	$(BIN)/python -m bench.spatiotemporal.run speed accuracy
	$(BIN)/python -m bench.bandpass.run
	$(BIN)/python -m bench.bandpass.speed
	$(BIN)/python -m bench.cloud_removal.run
	$(BIN)/python -m bench.report

# Every file of weights that ships, with its card: what is whole stays. `make weights DRY=1` lists what would be done;
# NAMES="any_sensor cubes_4to1" takes some, DEVICE=cuda an accelerator, JOBS=2 two recipes at a time.
weights: install
	$(BIN)/python -m bench.weights $(NAMES) --device $(or $(DEVICE),auto) --jobs $(or $(JOBS),1) $(if $(DRY),--dry-run)

# The documentation as a site, in site/: no warning passes. `make site SERVE=1` shows it while one writes.
site: install
	NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs $(if $(SERVE),serve,build)

# What it is built with and checked by. Newer npm refuses a lock without the optional package of another system; what is
# locked is taken all the same.
packages:
	npm ci --prefix viewer --no-audit --no-fund --silent || npm install --prefix viewer --no-save --no-audit --no-fund --silent

# The page of `earthloom view`: the one thing that takes node (20 or newer). What it builds is in the repository.
viewer: packages
	cd viewer && npx vite build

clean:
	rm -rf $(VENV) site demo-output .pytest_cache .ruff_cache .hypothesis
