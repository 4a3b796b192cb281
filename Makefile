# Every command a contributor or a newcomer needs. CI runs `make test`.
.PHONY: setup test check clean format
python := .venv/bin/python

setup:
	@./setup/install.sh

check: setup
	@.venv/bin/ruff format --check .
	@.venv/bin/ruff check .
	@.venv/bin/mypy
	@.venv/bin/lint-imports --no-cache
	@$(python) -m pytest -q -n 2 -m "not guest and not slow and not soak" tests

test: setup
	@.venv/bin/lint-imports --no-cache
	@$(python) -m pytest -n 2 -m "not guest and not soak" tests
	@# 5 is pytest's word for "nothing was selected": no test boots a machine yet
	@$(python) -m pytest -m "guest and not soak" tests || [ $$? = 5 ]

format: setup
	@.venv/bin/ruff format .
	@.venv/bin/ruff check --fix .

clean:
	rm -rf .venv .mypy_cache .ruff_cache .pytest_cache .hypothesis dist build
