#!/usr/bin/env bash
# Tests the wheel of the package `runtime_gym` as its users have it: installed into fresh environments, one for each version of Python
# that is found and one for each library that it has an adapter for. The last line counts the tests. With names of adapters, which are
# the folders of python/tests_adapters, only those.
set -euo pipefail
cd "$(dirname "$0")/.."
wheel=$(scripts/wheel.sh)
passed=0 failed=0

# Runs the tests in folder $2 in a fresh environment of the Python $1 with the requirements in file $3.
run() {
    local version environment report
    version=$("$1" -c 'import sys; print("%d.%d" % sys.version_info[:2])')
    environment=target/python/environments/$(basename "$2")-$version
    "$1" -m venv --clear "$environment"
    if ! "$environment/bin/python" -m pip install --quiet --disable-pip-version-check "$wheel" -r "$3"; then
        echo "== $2 with Python $version: what it needs cannot be installed"
        failed=$((failed + 1))
        return
    fi
    report=$(mktemp)
    # In another folder, so that the installed package is found and not its sources.
    (cd "$2" && "$OLDPWD/$environment/bin/python" -W error -m pytest -q --junit-xml="$report" .) || true
    read -r ran bad < <("$1" - "$report" <<'PY'
import sys, xml.etree.ElementTree as tree
suites = tree.parse(sys.argv[1]).getroot().iter("testsuite")
counts = [(int(one.get("tests")), int(one.get("failures")) + int(one.get("errors"))) for one in suites]
print(sum(count for count, _ in counts), sum(bad for _, bad in counts))
PY
    ) || { ran=1 bad=1; }
    rm -f "$report"
    echo "== $2 with Python $version: $((ran - bad)) passed, $bad failed"
    passed=$((passed + ran - bad)) failed=$((failed + bad))
    # All of them together take 17 GB.
    [ "$bad" != 0 ] || rm -rf "$environment"
}

# A Python of version $1, of those on the PATH and pyenv's.
python_of() {
    local python
    for python in "python$1" "${PYENV_ROOT:-$HOME/.pyenv}/versions/$1".*/bin/python3; do
        "$python" -c '' 2>/dev/null && command -v "$python" && return
    done
    echo "== no Python $1" >&2
    return 1
}

if [ $# -eq 0 ]; then
    for version in 3.11 3.12 3.13; do
        python=$(python_of "$version") || continue
        run "$python" python/tests python/tests/requirements.txt
    done
    set -- $(ls python/tests_adapters/*/requirements.txt | xargs -n 1 dirname | xargs -n 1 basename)
fi
for adapter in "$@"; do
    # verl is for 3.12 at most, SkyRL for 3.12 at least. NeMo Gym is declared for 3.13.14, and runs on every 3.13.
    case $adapter in
        nemo_gym) python=$(python_of 3.13) && export PIP_IGNORE_REQUIRES_PYTHON=1 ;;
        skyrl) python=$(python_of 3.12) ;;
        verl) python=$(python_of 3.11) ;;
        *) python=$(command -v python3) ;;
    esac || { echo "== $adapter is left out" >&2; continue; }
    run "$python" "python/tests_adapters/$adapter" "python/tests_adapters/$adapter/requirements.txt"
    unset PIP_IGNORE_REQUIRES_PYTHON
done
echo "$passed passed, $failed failed"
[ "$failed" = 0 ]
