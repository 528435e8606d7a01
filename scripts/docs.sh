#!/usr/bin/env bash
# Builds the documentation into target/docs/site, from docs/, the documents beside the configs, the docstrings of the Python package and
# the comments of the protocols. A link that leads nowhere, or a name that no page documents, is an error. zensical, which builds it, is
# installed once, into target/docs/venv.
set -euo pipefail
cd "$(dirname "$0")/.."

folder=target/docs
bin=$(scripts/venv.sh $folder/venv "the tools that build the documentation" -r docs/site/requirements.txt)
"$bin/python" docs/site/pages.py "$folder/pages"
rm -rf "$folder/site"
(cd "$folder" && NO_COLOR=1 "$bin/zensical" build --clean --strict) >&2
"$bin/python" docs/site/links.py "$folder/site"
echo "$PWD/$folder/site/index.html"
