# Every command a contributor or a newcomer needs. CI runs `make test`.
.PHONY: setup demo demo-entry demo-ongoing demo-promotion demo-control demo-all test soak check bench docs format clean
python := .venv/bin/python

setup:
	@./setup/install.sh

# pegasus on the embedded lab: booted, logged in to, destroyed and made again
demo: setup
	@$(python) examples/demo

# goes on from there: names of every kind asked for from outside, and a route that is changed while they are
demo-entry: setup
	@$(python) examples/demo entry

# goes on from there: apps follow git, what is wrong changes nothing, a change by hand is put right
demo-ongoing: setup
	@$(python) examples/demo ongoing

# goes on from there: a bad change is stopped by its trial, a good one promoted, watched, and rolled back
demo-promotion: setup
	@$(python) examples/demo promotion

# goes on from there: the control node rebooted, locked, unlocked, and made again
demo-control: setup
	@$(python) examples/demo control

# every chapter above, one after the other, with the time of each and their sum
demo-all: setup
	@$(python) examples/demo all

# everything but the soak; the machines that boot come last, two at once
test: setup
	@.venv/bin/lint-imports --no-cache
	@$(python) -m pytest -n 2 -m "not guest and not soak" tests
	@$(python) -m pytest -n 2 --dist loadfile -m "guest and not soak" tests

soak: setup
	@$(python) tests/soak.py

check: setup
	@.venv/bin/ruff format --check .
	@.venv/bin/ruff check .
	@.venv/bin/mypy
	@.venv/bin/lint-imports --no-cache
	@$(python) -m pytest -q -n 2 -m "not guest and not slow and not soak" tests/unit tests/docs tests/drivers

# ours against the peer or the raw limit, an object a line; docs/performance.md says what is measured
bench: setup .venv-bench
	@for bench in bench/*.py; do $(python) $$bench --json || exit 1; done

# what only the benchmarks need; where it cannot be had they go on without it, and say so
.venv-bench: setup/bench-requirements.txt setup/bench-apt.txt
	@./setup/install.sh bench
	@echo "bench: making the peers' Python environment in .venv-bench"
	@$(python) -m venv .venv-bench && .venv-bench/bin/python -m pip install -q --disable-pip-version-check --no-deps --require-hashes -r $< || rm -rf .venv-bench
	@touch -c .venv-bench

# the pages and pictures that are made from the program's own tables and the example; tests compare them
docs: setup
	@for script in docs/generate/*.py; do $(python) $$script || exit 1; done

format: setup
	@.venv/bin/ruff format .
	@.venv/bin/ruff check --fix .

clean:
	rm -rf .venv .venv-bench .venv-sslyze .mypy_cache .ruff_cache .pytest_cache .hypothesis .soak dist build
