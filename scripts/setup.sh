#!/bin/sh
# Set-up, and the commands that begin with it. `make WORD` calls this; where make is absent: sh scripts/setup.sh WORD
#
#   setup    .venv/ in the checkout with everything in it; a second call costs nothing
#   demo     set-up, then `shuoshu demo` (more words are passed on: demo --no-serve --json)
#   test     set-up, the checks of `lint`, then the tests, offline (more words are passed on to pytest)
#   lint     set-up, then ruff and pyright
#   format   set-up, then ruff writes the files anew
#   clean    remove .venv and what tools left behind (runs/ stays)
#
# Your own settings of pip or uv (PIP_*, UV_*, pip.conf, uv.toml) are obeyed: whichever of the two you have told where
# packages come from does the work, as it is. With no such settings uv does it, and fetches the build of PyTorch that
# fits this machine: CUDA where there is an NVIDIA driver, else CPU. SHUOSHU_TORCH=cpu|cu130|... chooses another.

set -eu
CDPATH='' cd -- "$(dirname -- "$0")/.."

python=.venv/bin/python
stamp=.venv/shuoshu-setup # one line: checksum of what was installed, chosen build of torch, folder of the checkout
right_version='import sys; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 14))'

say() { printf 'setup: %s\n' "$*" >&2; }

fail() {
    say "$*"
    exit 2
}

mark() { printf '%s %s %s\n' "$1" "$torch" "$PWD" >"$stamp.part" && mv "$stamp.part" "$stamp"; }

# The first interpreter on PATH of a version that PyTorch has wheels for. Each is tried, since version managers put
# names on PATH that answer with an error only.
find_python() {
    for name in python3 python3.14 python3.13 python3.12 python3.11 python; do
        if "$name" -c "$right_version" >/dev/null 2>&1; then
            command -v "$name"
            return
        fi
    done
}

uv_is_configured() {
    env | grep -qE '^UV_(DEFAULT_INDEX|INDEX|INDEX_URL|EXTRA_INDEX_URL|FIND_LINKS|TORCH_BACKEND|CONFIG_FILE)=' ||
        [ -f "${XDG_CONFIG_HOME:-${HOME:-}/.config}/uv/uv.toml" ] || [ -f /etc/uv/uv.toml ]
}

# Whatever says where packages come from or how they are reached; uv reads none of pip's settings.
pip_is_configured() {
    { "${1:-false}" -m pip config list 2>/dev/null || env | grep '^PIP_' | tr 'A-Z_' 'a-z-'; } |
        grep -qE '(index-url|no-index|find-links|proxy|cert|trusted-host)='
}

install() {
    if [ "$tool" = uv ]; then
        "$uv" pip install --compile-bytecode --python "$python" --constraint constraints.txt "$@"
    else # both compile all files: where PYTHONDONTWRITEBYTECODE is set, every command would do it anew
        "$python" -m pip install --disable-pip-version-check --constraint constraints.txt "$@"
    fi
}

# uv is the one tool that finds out which build of PyTorch fits; pip can fetch it like any package.
get_uv() {
    [ -n "$uv" ] && return
    "$python" -m pip install --quiet --disable-pip-version-check --constraint constraints.txt uv && uv=.venv/bin/uv
}

# First, alone: so that nothing else can bring in another torch than the constraints and the machine ask for.
install_torch() {
    if [ "$torch" = auto ] && [ "$configured" = yes ]; then
        install torch
    elif ! get_uv; then
        [ "$torch" = auto ] || fail "SHUOSHU_TORCH=$torch needs uv, and it could not be installed; install uv yourself."
        install torch
    elif ! "$uv" pip install --python "$python" --constraint constraints.txt --torch-backend="$torch" torch; then
        [ "$torch" = auto ] || fail "no torch for SHUOSHU_TORCH=$torch; the lines above say why."
        say "no answer from PyTorch's own index; taking the larger build with CUDA of the package index"
        install torch
    else
        [ "$configured" = yes ] || tool=uv
    fi
}

make_venv() {
    base=$(find_python)
    if [ "$tool" = uv ]; then
        : # it needs no venv module, and brings a Python where there is none
    elif [ -z "$base" ]; then
        fail "Shuoshu needs Python 3.11 to 3.14, and python3 here is $(python3 --version 2>/dev/null || echo absent);" \
            "install one of those, or uv, and call again."
    elif ! "$base" -c 'import ensurepip' 2>/dev/null; then
        fail "$base has no venv module; install it (on Debian and Ubuntu: apt install python3-venv) and call again."
    fi
    say "making .venv with $tool"
    rm -rf .venv
    mkdir .venv
    mark unfinished
    if [ "$tool" = uv ]; then
        "$uv" venv --quiet --allow-existing --python "${base:->=3.11,<3.15}" .venv
    else
        "$base" -m venv .venv
    fi
}

setup() {
    wanted=$(cat pyproject.toml constraints.txt scripts/setup.sh | cksum | tr ' ' -)
    sum='' torch='' place=''
    [ ! -f "$stamp" ] || read -r sum torch place <"$stamp" || :
    [ "$sum" != unfinished ] || torch='' # a choice that could not be installed is not remembered
    chosen=${SHUOSHU_TORCH:-${torch:-auto}}
    if [ "$sum" = "$wanted" ] && [ "$place" = "$PWD" ] && [ "$chosen" = "$torch" ] && [ -x "$python" ]; then
        return
    fi

    began=$(date +%s)
    uv=$(command -v uv || :)
    configured=no
    if uv_is_configured && [ -n "$uv" ]; then
        tool=uv configured=yes
    elif pip_is_configured "$(find_python)"; then
        tool=pip configured=yes
    elif [ -n "$uv" ]; then
        tool=uv
    else
        tool=pip
    fi

    # A killed set-up may have left packages without their files, a moved one has scripts that point to the old place,
    # and torch of another build is not seen as different: these begin anew. All else is brought up to date in place.
    fresh=no
    if ! "$python" -c "$right_version" 2>/dev/null || [ "$sum" = unfinished ] ||
        { [ -n "$sum" ] && { [ "$place" != "$PWD" ] || [ "$chosen" != "$torch" ]; }; }; then
        fresh=yes
    fi
    torch=$chosen
    if [ "$fresh" = yes ]; then make_venv; else mark unfinished; fi
    [ "$tool" = uv ] || "$python" -m pip --version >/dev/null 2>&1 || "$python" -m ensurepip >/dev/null

    say "installing torch, then the rest; the downloads are some hundred MB, more with CUDA"
    if ! { install_torch && install --editable '.[dev]'; }; then
        [ "$fresh" = yes ] || mark outdated
        fail "the installation failed, the lines above say why; call again to go on."
    fi
    "$python" -m compileall -q shuoshu || : # the checkout itself is linked, not installed, and so not compiled above
    mark "$wanted"
    say "ready in $(($(date +%s) - began)) s"
}

lint() {
    .venv/bin/ruff check .
    .venv/bin/ruff format --check .
    PYRIGHT_PYTHON_IGNORE_WARNINGS=1 "$python" -m pyright # else it asks the package index for a newer pyright
}

word=${1:-setup}
[ $# -eq 0 ] || shift
case $word in
setup) setup ;;
demo)
    setup >&2
    exec .venv/bin/shuoshu demo "$@"
    ;;
test)
    setup
    lint
    # One thread in each worker: more only fight over the cores, and torch on one thread gives the same numbers anywhere.
    export OMP_NUM_THREADS="${OMP_NUM_THREADS:-1}" TOKENIZERS_PARALLELISM=false
    export HF_HUB_OFFLINE=1 GRADIO_ANALYTICS_ENABLED=False
    exec "$python" -m pytest -n auto --maxprocesses 8 "$@"
    ;;
lint)
    setup
    lint
    ;;
format)
    setup
    .venv/bin/ruff check --fix .
    .venv/bin/ruff format .
    ;;
clean) rm -rf .venv build dist shuoshu.egg-info .pytest_cache .ruff_cache .hypothesis ;;
*) fail "no such word: $word; there are setup, demo, test, lint, format and clean." ;;
esac
