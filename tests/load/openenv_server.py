"""An OpenEnv server of an environment that runs Python, each session with variables of its own.

    python openenv_server.py SESSIONS EXECUTOR --listen HOST:PORT --until-stdin-closes

EXECUTOR is `exec`, Python's own, or `smolagents`, whose LocalPythonExecutor runs the code in OpenEnv's own environments `coding_env`
and `repl_env`. It prints `listening on http://HOST:PORT`, as the servers of Runtime Gym do.
"""

import io
import os
import socket
import sys
import threading
import traceback

import uvicorn
from openenv.core.env_server.http_server import create_app
from openenv.core.env_server.interfaces import Environment
from openenv.core.env_server.types import Action, Observation, State


class Code(Action):
    code: str


class Output(Observation):
    output: str
    success: bool


class Exec:
    """Runs code in this process, as it is."""

    def __init__(self):
        # Sessions run in threads, so each has a `print` of its own: sys.stdout is everybody's.
        self.namespace = {"__name__": "__main__", "print": self.print}

    def print(self, *values, **options):
        print(*values, **{"file": self.written, **options})

    def __call__(self, code):
        self.written = io.StringIO()
        try:
            exec(compile(code, "<string>", "exec"), self.namespace)
            success = True
        except Exception:
            self.written.write(traceback.format_exc())
            success = False
        return Output(output=self.written.getvalue(), success=success)


class Smolagents:
    """Runs code as OpenEnv's own environments do: by an interpreter of syntax trees that refuses most imports."""

    def __init__(self):
        from smolagents import LocalPythonExecutor

        self.executor = LocalPythonExecutor(additional_authorized_imports=[])
        self.executor.send_tools({})

    def __call__(self, code):
        try:
            return Output(output=self.executor(code).logs, success=True)
        except Exception:
            return Output(output=traceback.format_exc(), success=False)


class Python(Environment):
    SUPPORTS_CONCURRENT_SESSIONS = True
    executor: type

    def __init__(self):
        super().__init__()
        self.reset()

    def reset(self, seed=None, episode_id=None, **kwargs):
        self.steps = 0
        self.run = self.executor()
        return Output(output="", success=True)

    def step(self, action, timeout_s=None, **kwargs):
        self.steps += 1
        return self.run(action.code)

    @property
    def state(self):
        return State(step_count=self.steps)


def main():
    sessions, listen = int(sys.argv[1]), sys.argv[sys.argv.index("--listen") + 1]
    Python.executor = {"exec": Exec, "smolagents": Smolagents}[sys.argv[2]]
    host, port = listen.rsplit(":", 1)
    listener = socket.create_server((host, int(port)), backlog=4096)
    app = create_app(Python, Code, Output, env_name="python", max_concurrent_envs=sessions)
    server = uvicorn.Server(uvicorn.Config(app, log_level="warning"))

    def end_with_stdin():
        sys.stdin.read()
        os._exit(0)

    threading.Thread(target=end_with_stdin, daemon=True).start()
    print(f"listening on http://{host}:{listener.getsockname()[1]}", flush=True)
    server.run(sockets=[listener])


main()
