#!/usr/bin/env bash
# Makes .venv from the locked requirements, and the tree in which Ansible finds this checkout as a collection.
# Copyright (c) 2026, the SM2A contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
set -euo pipefail
cd "$(dirname "$0")/../.."

# A candidate is only good if it runs: version managers leave stubs on the path that fail.
usable() {
    "$1" -c 'import sys, venv, ensurepip; sys.exit(not (3, 12) <= sys.version_info < (3, 15))' > /dev/null 2>&1
}

find_python() {
    local candidate
    for candidate in python3.13 python3.14 python3.12 python3 \
        "${PYENV_ROOT:-$HOME/.pyenv}"/versions/{3.13,3.14,3.12}.*/bin/python; do
        if usable "$candidate"; then
            echo "$candidate"
            return
        fi
    done
    # uv knows of more places, and may fetch one.
    if command -v uv > /dev/null \
        && { uv python find '>=3.12,<3.15' || { uv python install 3.13 && uv python find 3.13; }; } 2> /dev/null; then
        return
    fi
    echo "sm2a: Python 3.12, 3.13 or 3.14 is missing. Install one of them with its venv module" \
        "(Debian and Ubuntu: apt-get install python3 python3-venv), or uv, which brings one." >&2
    exit 1
}

# Not only when it is absent: an interrupted run leaves half of it, and its Python may have been removed since.
if ! .venv/bin/uv --version > /dev/null 2>&1 || ! usable .venv/bin/python; then
    python=$(find_python)
    echo "making .venv with $python"
    "$python" -m venv --clear .venv
    .venv/bin/python -m pip install -qq --disable-pip-version-check --require-hashes --only-binary :all: \
        --requirement requirements/uv.txt
fi
.venv/bin/uv pip sync --quiet --python .venv/bin/python --require-hashes requirements/uv.txt requirements/dev.txt

packages=$(.venv/bin/python -c 'import ansible_collections.amazon.aws as a; print(list(a.__path__)[0])')
tree=.local/collections/ansible_collections
mkdir -p "$tree/sm2a" "$tree/community"
ln -sfn "$PWD" "$tree/sm2a/airflow"
ln -sfn "$(dirname "$packages")" "$tree/amazon"
# Nothing of the collection needs community.aws: `make bench` compares itself with it.
ln -sfn "$(dirname "$(dirname "$packages")")/community/aws" "$tree/community/aws"
# The scaler's package, the way pip installs an editable one, but without a build: a file that names its folder.
site=$(.venv/bin/python -c 'import sysconfig; print(sysconfig.get_path("purelib"))')
echo "$PWD/roles/scaler/files/image/src" > "$site/sm2a-scaler.pth"
touch .venv/set-up
