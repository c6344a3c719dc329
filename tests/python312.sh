# Finds a Python 3.12 with its venv module; sourced by the scripts that need one.
# Copyright (c) 2026, the SM2A contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# shellcheck shell=bash

readonly PYTHON=3.12

# A candidate is only good if it runs: version managers leave stubs on the path that fail.
usable() {
    "$1" -c "import sys, venv, ensurepip; sys.exit('%d.%d' % sys.version_info[:2] != '$PYTHON')" > /dev/null 2>&1
}

find_python() {
    local candidate
    for candidate in "python$PYTHON" "${PYENV_ROOT:-$HOME/.pyenv}"/versions/"$PYTHON".*/bin/python; do
        if usable "$candidate"; then
            echo "$candidate"
            return
        fi
    done
    # uv knows of more places, and may fetch one.
    if { .venv/bin/uv python find "$PYTHON" \
        || { .venv/bin/uv python install "$PYTHON" && .venv/bin/uv python find "$PYTHON"; }; } 2> /dev/null; then
        return
    fi
    echo "sm2a: this needs Python $PYTHON, which is missing here. Install it with its venv module, by your system's" \
        "packages, pyenv or uv." >&2
    exit 1
}

# An environment in a folder, with what a locked file of requirements names and nothing else.
make_venv() {
    local venv=$1 requirements=$2 python
    if ! usable "$venv/bin/python"; then
        python=$(find_python)
        echo "making $venv with $python"
        "$python" -m venv --clear --without-pip "$venv"
    fi
    .venv/bin/uv pip sync --quiet --python "$venv/bin/python" --require-hashes "$requirements"
}
