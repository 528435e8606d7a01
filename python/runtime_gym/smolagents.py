"""The code of smolagents' agents (smolagents 1.26) in a :class:`runtime_gym.Sandbox`.

An agent is given the executor::

    from runtime_gym.smolagents import SandboxExecutor
    from smolagents import CodeAgent

    agent = CodeAgent(tools=[...], model=..., executor=SandboxExecutor(), additional_authorized_imports=["*"])

``additional_authorized_imports`` is only what the agent is told: code may import the whole standard library, and nothing else.
"""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable
from typing import Any

from smolagents import FinalAnswerTool, SafeSerializer, Tool
from smolagents.local_python_executor import CodeOutput, InterpreterError, PythonExecutor

from ._sandbox import Sandbox
from ._types import InterpreterState, Limits, Semantics

__all__ = ["SandboxExecutor"]

_FINAL_ANSWER = '''
class _FinalAnswer(BaseException):
    """Ends a block. Code that catches every `Exception` does not catch it."""

def final_answer(*args, **kwargs):
    """Gives the final answer, and ends the block."""
    _final_answer(*args, **kwargs)
    raise _FinalAnswer
'''


class SandboxExecutor(PythonExecutor):
    """Runs an agent's code in a sandbox in this process. The agent's tools, and the agents that it manages, run outside of it, here.

    What tools and the final answer get and give are JSON values. Variables may be of all types that smolagents can serialize. The
    interpreter is a new one, without any names, when the agent's tools have changed.
    """

    def __init__(
        self,
        *,
        interpreter_state: InterpreterState | str = InterpreterState.PERSISTENT,
        semantics: Semantics | str = Semantics.NOTEBOOK,
        seed: int | None = None,
        limits: Limits | None = None,
    ) -> None:
        """``interpreter_state``: whether names survive from one block to the next. Under ``reset``, all blocks start from the same
        state: only the agent's tools and variables are there. The others are those of :class:`runtime_gym.Sandbox`.
        """
        self._resets = InterpreterState(interpreter_state) is InterpreterState.RESET
        self._sandbox_of = functools.partial(Sandbox, semantics=semantics, seed=seed, limits=limits)
        self._tools: dict[str, Tool] | None = None
        self._variables: dict[str, Any] = {}
        self._answers: list[object] = []
        self.state: dict[str, Any] = {}
        self.send_tools({})

    def send_tools(self, tools: dict[str, Tool]) -> None:
        """Lets code call these tools."""
        if tools == self._tools:
            return
        self._tools = dict(tools)
        final = tools.get("final_answer", FinalAnswerTool())
        # Not `self`: Python could not free the circle of a sandbox and a tool that holds it.
        answers = self._answers

        def _final_answer(*args: Any, **kwargs: Any) -> None:  # noqa: ANN401
            answers.append(final(*args, **kwargs))

        functions = [_function(name, tool) for name, tool in tools.items() if name != "final_answer"]
        self._sandbox = self._sandbox_of([_final_answer, *functions])
        self._define(_FINAL_ANSWER)
        self.send_variables(self._variables)

    def send_variables(self, variables: dict[str, Any]) -> None:
        """Sets names that code can read."""
        self._variables = self._variables | variables
        if variables:
            values = SafeSerializer.dumps(variables)
            self._define(f"{SafeSerializer.get_deserializer_code(False)}\nglobals().update(_deserialize({values!r}))")

    def __call__(self, code_action: str) -> CodeOutput:
        """Runs a block of code. Its error is raised, for the agent to read."""
        self._answers.clear()
        sandbox = self._sandbox.fork() if self._resets else self._sandbox
        outcome = sandbox.run(code_action)
        logs = outcome.output + outcome.error_output
        self.state["_print_outputs"] = logs
        if self._answers:
            return CodeOutput(output=self._answers[0], logs=logs, is_final_answer=True)
        if not outcome.success:
            raise InterpreterError(outcome.error)
        return CodeOutput(output=None, logs=logs, is_final_answer=False)

    def cleanup(self) -> None:
        """Moves the interpreter out of memory. The agent may go on later."""
        self._sandbox.hibernate()

    def _define(self, code: str) -> None:
        outcome = self._sandbox.run(code)
        if not outcome.success:
            raise InterpreterError(outcome.error)


def _function(name: str, tool: Tool) -> Callable[..., object]:
    """A tool, or a managed agent, as a function with the same name, parameters and description."""

    def function(*args: Any, **kwargs: Any) -> object:  # noqa: ANN401
        return tool(*args, **kwargs)

    signature = inspect.signature(getattr(tool, "forward", tool))
    # Of a function with smolagents' decorator `tool`, it begins with `self`.
    parameters = [parameter for parameter in signature.parameters.values() if parameter.name != "self"]
    function.__name__, function.__doc__ = name, tool.description
    function.__signature__ = signature.replace(parameters=parameters)  # pyright: ignore[reportFunctionMemberAccess]
    return function
