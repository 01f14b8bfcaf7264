#!/bin/sh
# Resolve every dependency once, for every platform, without naming where packages came from.
set -eu
uv pip compile --universal --python-version 3.11 --no-header --no-annotate --no-emit-index-url \
    --no-emit-find-links --all-extras pyproject.toml -o constraints.txt
