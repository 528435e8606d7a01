"""``python -m runtime_gym evaluate``: the command line of :func:`runtime_gym.ray.evaluate`."""

from __future__ import annotations

import argparse
import signal
import sys
from collections.abc import Sequence
from typing import Any

from ._errors import RuntimeGymError

__all__ = ["main", "options"]


def options(arguments: Sequence[str]) -> dict[str, Any]:
    """The arguments of :func:`runtime_gym.ray.evaluate` that the command line stands for."""
    parser = argparse.ArgumentParser(
        "python -m runtime_gym evaluate",
        description="Plays a config of `agent run` on all nodes of a Ray cluster. The same command goes on with a run.",
    )
    parser.add_argument("spec", metavar="SPEC", help="the config (YAML)")
    parser.add_argument("--tasks-root", metavar="DIR", required=True, help="a folder of tasks, which every node is sent")
    parser.add_argument("--address", help="the cluster's, as for ray.init; without it RAY_ADDRESS, or this machine alone")
    parser.add_argument("--nodes", type=int, metavar="N", help="the most nodes to use")
    parser.add_argument("--cpus-per-node", type=int, metavar="N", help="processors that a server takes; all of a node's if not given")
    parser.add_argument("--places-per-node", type=int, metavar="N", help="the most episodes that a server plays at once")
    parser.add_argument("--inference", action="append", default=[], metavar="URL", help="a running model server; may be repeated")
    parser.add_argument("--prompts", metavar="DIR", help="a folder with texts that the model is told")
    parser.add_argument("--output-dir", metavar="DIR", help="the folder in which the run's folder is made")
    parser.add_argument("--max-examples", type=int, metavar="N", help="play only the first N tasks of each family")
    parser.add_argument("--state-dir", metavar="DIR", help="a folder on each node that keeps its server's state after the run")
    parser.add_argument(
        "--server-option", action="append", default=[], dest="server_options", metavar="OPTION",
        help="a further option of `env-server serve`, such as --server-option=--lease=60; may be repeated",
    )  # fmt: skip
    return vars(parser.parse_args(arguments))


def main(arguments: Sequence[str]) -> int:
    """Runs the command line. Returns the exit status: that of ``agent run``."""
    given = options(arguments)
    try:
        from .ray import EvaluationError, evaluate
    except ModuleNotFoundError as error:
        if error.name != "ray":
            raise
        print("error: this needs Ray: pip install 'ray==2.60.*'", file=sys.stderr)
        return 1
    try:
        return evaluate(**given).status
    except EvaluationError as error:
        return error.result.status
    except RuntimeGymError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 128 + signal.SIGINT
