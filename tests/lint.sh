#!/usr/bin/env bash
# Copyright (c) 2026, the SM2A contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
#
# Runs every linter and says how long each took. `tests/lint.sh NAME...` runs only those.
#
# Expects the tools on PATH and ANSIBLE_COLLECTIONS_PATH to point at a tree that has this collection and amazon.aws
# in it; `make lint` sees to both. All caches are below .local.
set -uo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.." || exit 1

# The slowest first, so that two at a time end soonest.
readonly CHECKS=(sanity ansible-lint docs mypy syntax build changelog generate yamllint ruff format)
readonly CACHE="$PWD/.local/lint"
# What a released collection may have at its top.
readonly SHIPPED='CHANGELOG\.(md|rst)|CODE_OF_CONDUCT\.md|CONTRIBUTING\.md|COPYING|FILES\.json|MANIFEST\.json|Makefile|README\.md|changelogs|docs|execution-environment\.yml|extensions|inventories|meta|playbooks|plugins|pyproject\.toml|requirements|roles|tests|\.ansible-lint|\.gitignore|\.yamllint'

check_ruff() { ruff check --output-format concise --cache-dir "$CACHE/ruff" .; }

check_format() { ruff format --check --cache-dir "$CACHE/ruff" .; }

check_yamllint() { yamllint --strict .; }

# It installs the collection for itself and would go on using that copy when modules and roles have come since.
check_ansible-lint() {
    rm -rf "$CACHE/ansible-lint"
    ANSIBLE_HOME="$CACHE/ansible-lint" ansible-lint --offline --strict
}

# References to collections that we do not depend on are refused rather than looked up: reading all collections that
# come with the package `ansible` takes two minutes.
check_docs() {
    # antsibull-docs copies what git knows of a collection. Those in .venv, which git ignores, must not look to it like
    # a part of this checkout.
    GIT_CEILING_DIRECTORIES=$(pwd -P) antsibull-docs lint-collection-docs --plugin-docs \
        --validate-collection-refs=dependent --disallow-unknown-collection-refs .
}

# What `make generate` would write differently.
check_generate() { PYTHONPATH="${ANSIBLE_COLLECTIONS_PATH%%:*}" python tests/generate --check; }

check_changelog() { antsibull-changelog lint; }

check_mypy() {
    # The collection's code imports itself by its full name, so it is checked as that package.
    local failed=0
    MYPYPATH="${ANSIBLE_COLLECTIONS_PATH%%:*}" mypy --cache-dir "$CACHE/mypy" \
        -p ansible_collections.sm2a.airflow.plugins.module_utils \
        -p ansible_collections.sm2a.airflow.plugins.plugin_utils \
        -p ansible_collections.sm2a.airflow.plugins.action \
        -p ansible_collections.sm2a.airflow.plugins.filter \
        -p ansible_collections.sm2a.airflow.plugins.lookup || failed=1
    echo "tests/generate:"
    MYPYPATH="${ANSIBLE_COLLECTIONS_PATH%%:*}" mypy --cache-dir "$CACHE/mypy" tests/generate || failed=1
    local path
    for path in roles/scaler/files/image/src tests/local_aws; do
        [ -n "$(find "$path" -name '*.py' -print -quit 2>/dev/null)" ] || continue
        echo "$path:"
        # A DAG is written for a machine that has Airflow.
        mypy --cache-dir "$CACHE/mypy" --exclude "/dags/" "$path" || failed=1
    done
    return "$failed"
}

check_syntax() {
    local playbook failed=0
    for playbook in playbooks/*.yml; do
        ansible-playbook --syntax-check -i inventories/dev "$playbook" || failed=1
    done
    return "$failed"
}

# Copies what git would commit to "$1", without what git ignores.
copy_checkout() {
    rm -rf "$1"
    mkdir -p "$1"
    git ls-files --cached --others --exclude-standard --deduplicate -z \
        | while IFS= read -r -d '' file; do if [ -e "$file" ]; then printf '%s\0' "$file"; fi; done \
        | tar --null --files-from=- --create | tar --extract --directory "$1"
}

check_build() {
    local source="$CACHE/build/source" archive stray
    copy_checkout "$source"
    rm -f "$CACHE"/build/*.tar.gz
    ansible-galaxy collection build --output-path "$CACHE/build" "$source" || return 1
    archive=$(echo "$CACHE"/build/*.tar.gz)
    # A folder or file at the top that nobody decided to ship, caches, compiled files, secrets, state.
    stray=$(tar -tzf "$archive" | grep -v '/$' | grep -vE "^($SHIPPED)(/|\$)")
    # RDS's authorities are certificates, and public.
    stray+=$(tar -tzf "$archive" | grep -vx roles/image/files/rds-ca-bundle.pem \
        | grep -E '(^|/)(__pycache__|\.git|\.env|\.DS_Store|.*\.(pyc|log|pem|key|orig|rej|swp))(/|$)')
    [ -z "$stray" ] || { printf 'The archive has files that do not belong in it:\n%s\n' "$stray"; return 1; }
    # https://docs.ansible.com/ansible/latest/community/collection_contributors/collection_requirements.html
    [ "$(wc -c <"$archive")" -lt 20000000 ] || { echo "The archive is larger than 20 MB."; return 1; }
    # What the README says of an installed collection: the playbooks by their full names, and sample inventories.
    local installed="$CACHE/build/installed"
    rm -rf "$installed"
    ansible-galaxy collection install --offline --no-deps --collections-path "$installed" "$archive" || return 1
    ANSIBLE_COLLECTIONS_PATH="$installed:$ANSIBLE_COLLECTIONS_PATH" ansible-playbook --syntax-check sm2a.airflow.site \
        -i "$installed/ansible_collections/sm2a/airflow/inventories/dev"
}

# ansible-test insists on a path that ends in ansible_collections/<namespace>/<name>, on amazon.aws beside it, and
# keeps its virtual environments and downloads in the home directory.
check_sanity() {
    local tree="$CACHE/sanity/ansible_collections" home="$CACHE/sanity/home" amazon python
    amazon=$(readlink -f "${ANSIBLE_COLLECTIONS_PATH%%:*}/ansible_collections/amazon") || return 1
    python=$(python -c 'import sys; print("%d.%d" % sys.version_info[:2])')
    copy_checkout "$tree/sm2a/airflow"
    ln -sfn "$amazon" "$tree/amazon"
    mkdir -p "$home/.config"
    [ ! -d "$HOME/.config/pip" ] || ln -sfn "$HOME/.config/pip" "$home/.config/pip"
    offline_pip "$home/.ansible/test/cache"
    cd "$tree/sm2a/airflow" || return 1
    git init --quiet .
    env -u ANSIBLE_COLLECTIONS_PATH HOME="$home" LC_ALL=C.UTF-8 \
        ansible-test sanity --python "$python" --color no
}

# ansible-test installs pip into its environments with a script that it downloads from a host that is not always
# reachable. Python brings its own pip: this script, in the place of the download, uses that.
offline_pip() {
    local version
    version=$(python - <<'PYTHON'
import pathlib, re, ansible_test
source = pathlib.Path(ansible_test.__path__[0], "_internal", "python_requirements.py").read_text()
print(re.search(r"pip='([\d.]+)'", source)[1].replace(".", "_"))
PYTHON
    ) || return 0
    mkdir -p "$1"
    printf 'import ensurepip\nensurepip.bootstrap(default_pip=True)\n' >"$1/get_pip_$version.py"
}

run_one() {
    local name=$1 log="$CACHE/$1.log" started=$SECONDS result=0 verdict=ok
    (check_"$name") >"$log" 2>&1 </dev/null || result=$?
    [ "$result" -eq 0 ] || verdict="FAILED, exit code $result"
    # One write, so that two checks that end together do not mix their lines.
    printf '%s\n' "$(
        printf '== %-12s %3d s  %s\n' "$name" "$((SECONDS - started))" "$verdict"
        [ "$result" -eq 0 ] || sed 's/^/   /' "$log"
    )"
    return "$((result != 0))"
}

mkdir -p "$CACHE"
if [ "${1:-}" = --one ]; then
    run_one "$2"
    exit
fi
for name in "$@"; do
    declare -F "check_$name" >/dev/null || { echo "There is no check '$name'; there are: ${CHECKS[*]}" >&2; exit 2; }
done
[ "$#" -gt 0 ] || set -- "${CHECKS[@]}"
if ! printf '%s\n' "$@" | xargs -P 2 -I '{}' bash "${BASH_SOURCE[0]}" --one '{}'; then
    echo "lint: FAILED after $SECONDS s; full output in .local/lint/" >&2
    exit 1
fi
echo "lint: all well, $SECONDS s"
