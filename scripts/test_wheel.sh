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
    local environment=target/python/environments/$(basename "$2")-$(basename "$1") report
    "$1" -m venv --clear "$environment"
    "$environment/bin/python" -m pip install --quiet --disable-pip-version-check "$wheel" -r "$3"
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
    echo "== $2 with $("$1" --version): $((ran - bad)) passed, $bad failed"
    passed=$((passed + ran - bad)) failed=$((failed + bad))
}

if [ $# -eq 0 ]; then
    for version in 3.11 3.12 3.13; do
        python=$(command -v "python$version") || { echo "== no Python $version: left out" >&2; continue; }
        "$python" -c '' 2>/dev/null || { echo "== no Python $version: left out" >&2; continue; }
        run "$python" python/tests python/tests/requirements.txt
    done
    set -- $(ls python/tests_adapters/*/requirements.txt | xargs -n 1 dirname | xargs -n 1 basename)
fi
for adapter in "$@"; do
    python=python3
    # Declared for 3.13.14, and runs on every 3.13.
    [ "$adapter" != nemo_gym ] || { python=python3.13; export PIP_IGNORE_REQUIRES_PYTHON=1; }
    # verl is for 3.12 at most, SkyRL for 3.12 at least.
    case $adapter in verl) python=python3.11 ;; skyrl) python=python3.12 ;; esac
    "$python" -c '' 2>/dev/null || { echo "== no $python: $adapter is left out" >&2; continue; }
    run "$(command -v "$python")" "python/tests_adapters/$adapter" "python/tests_adapters/$adapter/requirements.txt"
    unset PIP_IGNORE_REQUIRES_PYTHON
done
echo "$passed passed, $failed failed"
[ "$failed" = 0 ]
