#!/bin/sh
# Write constraints.txt anew from pyproject.toml: after a change of dependencies as it is, with --upgrade to take the
# newest release of everything. Needs uv, because one file is to hold for every system and Python from 3.11 on.

set -eu
CDPATH='' cd -- "$(dirname -- "$0")/.."

torch=2.13.0 # moves by hand only: each release has other CUDA packages, and other numbers on the same seed

new=$(mktemp -d)
trap 'rm -rf "$new"' EXIT
[ ! -f constraints.txt ] || cp constraints.txt "$new/all.txt" # uv keeps pins that still fit
echo "torch==$torch" >"$new/torch.txt"
echo uv >"$new/more.in" # scripts/setup.sh fetches it where it is not installed
uv pip compile --quiet --universal --fork-strategy fewest --python-version 3.11 --no-header --no-annotate \
    --all-extras --constraint "$new/torch.txt" --output-file "$new/all.txt" "$@" pyproject.toml "$new/more.in"

# The packages of CUDA differ from build to build of torch, which asks for them by exact version itself.
{
    echo '# One pin for each package, on any system and Python from 3.11 on. Written by `make constraints`; not edited by hand.'
    grep -vE '^(nvidia-|cuda-|triton)' "$new/all.txt" | grep -v '^#'
} >"$new/constraints.txt"
cp "$new/constraints.txt" constraints.txt
