#!/usr/bin/env bash
# Prints the path of a Python with peers of `make bench`: `pyeryx` and a Jupyter kernel for the sandbox, `openai` for the agent.
# Prints nothing if no Python 3.12 or newer is found.
exec "$(dirname "$0")/bench_venv.sh" venv 12 pyeryx==0.11.0 jupyter_client==8.10.0 ipykernel==7.4.0 openai==3.57.0
