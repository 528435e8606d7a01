#!/usr/bin/env bash
# Prints the path of a Python that has OpenEnv, the peer of `make load`, and smolagents, which runs code in OpenEnv's environments.
# Prints nothing if no Python 3.10 or newer is found.
exec "$(dirname "$0")/bench_venv.sh" openenv 10 openenv==0.10.0 smolagents==1.26.0
