# make demo    the main job on real data          make check   lint, form, types
# make test    the suite                    make bench   the figures of benchmarks/RESULTS.md
# make clean   remove what these made
#
# Each makes .venv first, where it is not there, with the versions in constraints.txt.

.PHONY: help demo test check bench clean
help:
	@sed -n 's/^# //p' Makefile | head -3

# The first of these that runs: Python 3.11 to 3.13.
PYTHON ?= $(shell for one in python3.11 python3.12 python3.13 python3; do \
	$$one -c 'import sys; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 13))' 2>/dev/null && echo $$one && break; \
	done)

TESTS ?=

demo: .venv/core
	@.venv/bin/python scripts/demo

test: .venv/tests
	@scripts/test $(TESTS)

check: .venv/dev
	@scripts/check

bench: .venv/bench
	.venv/bin/python benchmarks/start.py
	.venv/bin/python benchmarks/epoch.py
	.venv/bin/python benchmarks/accuracy.py
	.venv/bin/python benchmarks/scale.py
	.venv/bin/python benchmarks/perception.py
	.venv/bin/python benchmarks/beside.py
	.venv/bin/python benchmarks/mixed.py
	.venv/bin/python benchmarks/pretrain.py
	.venv/bin/python benchmarks/reading.py
	.venv/bin/python benchmarks/recurrent.py
	.venv/bin/python benchmarks/perception_epoch.py
	.venv/bin/python benchmarks/decode.py
	.venv/bin/python benchmarks/translation.py
	.venv/bin/python benchmarks/transcripts.py
	.venv/bin/python benchmarks/language.py
	.venv/bin/python benchmarks/language.py --remember
	.venv/bin/python benchmarks/language.py --speed
	.venv/bin/python benchmarks/language.py --memory
	.venv/bin/python benchmarks/tags.py
	.venv/bin/python benchmarks/questions.py
	.venv/bin/python benchmarks/summaries.py
	.venv/bin/python benchmarks/captions.py
	.venv/bin/python benchmarks/generation.py
	.venv/bin/python benchmarks/music.py
	.venv/bin/python benchmarks/report.py --write

clean:
	rm -rf .venv build demo src/lamina.egg-info .pytest_cache .mypy_cache .ruff_cache .hypothesis
	find src tests benchmarks -name __pycache__ -type d -prune -exec rm -rf {} +

# --- the environment: a stamp for each set of packages, so that nothing is installed twice

.venv/made:
	@test -n "$(PYTHON)" || { echo "no Python from 3.11 to 3.13 was found: install one, or say make PYTHON=..." >&2; exit 1; }
	$(PYTHON) -m venv .venv
	@touch $@

.venv/core: .venv/made pyproject.toml constraints.txt
	.venv/bin/python scripts/install
	@touch $@

.venv/tests: .venv/made pyproject.toml constraints.txt
	.venv/bin/python scripts/install test
	@touch $@ .venv/core

.venv/bench: .venv/made pyproject.toml constraints.txt
	.venv/bin/python scripts/install bench
	@touch $@ .venv/core

.venv/dev: .venv/made pyproject.toml constraints.txt
	.venv/bin/python scripts/install dev
	@touch $@ .venv/tests .venv/core
