"""An OpenEnv server of an environment that runs Python with `exec`, in one namespace for each session.

    python openenv_server.py SESSIONS --listen HOST:PORT --until-stdin-closes

It prints `listening on http://HOST:PORT`, as the servers of Runtime Gym do.
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


class Python(Environment):
    SUPPORTS_CONCURRENT_SESSIONS = True

    def __init__(self):
        super().__init__()
        self.reset()

    def reset(self, seed=None, episode_id=None, **kwargs):
        self.steps = 0
        # Sessions run in threads, so each has a `print` of its own: sys.stdout is everybody's.
        self.namespace = {"__name__": "__main__", "print": self.print}
        return Output(output="", success=True)

    def print(self, *values, **options):
        print(*values, **{"file": self.written, **options})

    def step(self, action, timeout_s=None, **kwargs):
        self.steps += 1
        self.written = io.StringIO()
        try:
            exec(compile(action.code, "<string>", "exec"), self.namespace)
            success = True
        except Exception:
            self.written.write(traceback.format_exc())
            success = False
        return Output(output=self.written.getvalue(), success=success)

    @property
    def state(self):
        return State(step_count=self.steps)


def main():
    sessions, listen = int(sys.argv[1]), sys.argv[sys.argv.index("--listen") + 1]
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
