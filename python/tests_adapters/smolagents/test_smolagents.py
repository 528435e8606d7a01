"""A real agent of smolagents, whose model has a script."""

from __future__ import annotations

import datetime
import gc
from collections.abc import Sequence
from typing import Any

import pytest
import smolagents
from smolagents import AgentExecutionError, CodeAgent, Tool, tool
from smolagents.memory import ActionStep
from smolagents.models import ChatMessage, MessageRole, Model

import runtime_gym as rg
from runtime_gym.smolagents import SandboxExecutor


class Script(Model):
    """Says prepared blocks of code, one after the other."""

    def __init__(self, *blocks: str) -> None:
        """What it says."""
        super().__init__(model_id="script")
        self.blocks = list(blocks)
        self.seen: list[str] = []

    def generate(self, messages: list[ChatMessage], *_: Any, **__: Any) -> ChatMessage:
        """Says the next one."""
        self.seen.append("\n".join(str(message.content) for message in messages))
        return ChatMessage(role=MessageRole.ASSISTANT, content=f"Thought.\n<code>\n{self.blocks.pop(0)}\n</code>")


class Price(Tool):
    """A tool."""

    name = "price"
    description = "Looks up the price of an item."
    inputs = {"item": {"type": "string", "description": "The item."}}  # noqa: RUF012
    output_type = "number"

    def forward(self, item: str) -> float:
        """The price."""
        return {"tea": 2.5, "bread": 3.0}[item]


def agent(*blocks: str, tools: Sequence[Tool] = (), **executor: Any) -> CodeAgent:
    """An agent that says these blocks."""
    return CodeAgent(list(tools), Script(*blocks), executor=SandboxExecutor(**executor), max_steps=len(blocks), verbosity_level=0)


def steps(played: CodeAgent) -> list[ActionStep]:
    """What the agent did."""
    return [step for step in played.memory.steps if isinstance(step, ActionStep)]


def test_tools_run_outside() -> None:
    played = agent("total = price('tea') + price(item='bread')\nprint(total)", "final_answer({'total': total})", tools=[Price()])
    assert played.run("Add up.") == {"total": 5.5}
    assert "Execution logs:\n5.5\n" in str(steps(played)[0].observations)
    assert "5.5" in played.model.seen[1]  # pyright: ignore[reportAttributeAccessIssue]


@tool
def costs(item: str, number: int = 1) -> float:
    """What items cost.

    Args:
        item: The item.
        number: How many.

    """
    return number * {"tea": 2.5, "bread": 3.0}[item]


def test_a_function_is_a_tool() -> None:
    played = agent("total = costs('tea', 2) + costs(item='bread')", "costs(1, 2, 3)", "final_answer(total)", tools=[costs])
    assert played.run("Add up.") == 8.0
    assert [step.error is None for step in steps(played)] == [True, False, True]
    assert "too many positional arguments" in str(steps(played)[1].error)


def test_names_persist_or_are_gone() -> None:
    blocks = ("x = 6 * 7", "print(x)", "final_answer(len([name for name in globals() if name == 'x']))")
    persistent = agent(*blocks)
    assert persistent.run("Count.") == 1
    assert steps(persistent)[1].error is None
    reset = agent(*blocks, interpreter_state="reset")
    assert reset.run("Count.") == 0
    assert "name 'x' is not defined" in str(steps(reset)[1].error)


def test_an_error_is_told_to_the_model() -> None:
    played = agent("print('before')\n1 / 0", "1 +", "price('salt')", "price()", "final_answer('end')", tools=[Price()])
    assert played.run("Fail.") == "end"
    told = steps(played)
    assert [type(step.error) for step in told] == [AgentExecutionError] * 4 + [type(None)]
    assert "ZeroDivisionError: division by zero" in str(told[0].error)
    assert told[0].observations == "Execution logs:\nbefore\n"
    assert "SyntaxError: invalid syntax" in str(told[1].error)
    assert "KeyError: 'salt'" in str(told[2].error)
    assert "missing a required argument: 'item'" in str(told[3].error)
    assert "ZeroDivisionError" in played.model.seen[1]  # pyright: ignore[reportAttributeAccessIssue]


def test_the_final_answer_ends_the_block() -> None:
    code = "print('said')\ntry:\n    final_answer([1, None])\n    print('not ended')\nexcept Exception:\n    print('caught')\nprint('on')"
    executor = SandboxExecutor()
    output = executor(code)
    assert (output.output, output.logs, output.is_final_answer) == ([1, None], "said\n", True)
    assert executor("print('goes on')").is_final_answer is False
    played = agent(code)
    assert played.run("End.") == [1, None]


def test_the_value_of_a_last_expression_is_shown() -> None:
    assert SandboxExecutor()("[1, 2]").logs == "[1, 2]\n"
    assert SandboxExecutor(semantics="script")("[1, 2]").logs == ""


def test_nothing_of_this_machine_is_there() -> None:
    played = agent("open('/etc/passwd')", "import os\nfinal_answer(list(os.environ))")
    assert played.run("Read.") == []
    assert "FileNotFoundError" in str(steps(played)[0].error)


@pytest.mark.parametrize("state", list(rg.InterpreterState))
def test_variables(state: rg.InterpreterState) -> None:
    variables = {"numbers": [1, 2], "pair": (1, "é"), "day": datetime.date(2026, 11, 30)}
    played = agent("numbers.append(3)", "final_answer([numbers, pair == (1, 'é'), day.isoformat()])", interpreter_state=state)
    numbers = [1, 2, 3] if state is rg.InterpreterState.PERSISTENT else [1, 2]
    assert played.run("Use them.", additional_args=variables) == [numbers, True, "2026-11-30"]
    with pytest.raises(smolagents.SerializationError):
        SandboxExecutor().send_variables({"thing": object()})


def test_a_second_run_of_an_agent_goes_on() -> None:
    played = agent("x = 5", "final_answer(x)", tools=[Price()])
    assert played.run("Remember.") == 5
    played.cleanup()
    played.model = Script("final_answer(x + price('bread'))")
    assert played.run("Go on.", reset=False) == 8.0
    played.python_executor.send_tools({})
    with pytest.raises(ValueError, match="name 'x' is not defined"):
        played.python_executor("x")


def test_a_managed_agent_is_called() -> None:
    helper = agent("final_answer('help')")
    helper.name, helper.description = "helper", "Helps."
    model = Script("final_answer('help' in helper('Help me.'))")
    with CodeAgent([], model, managed_agents=[helper], executor=SandboxExecutor(), verbosity_level=0) as boss:
        assert boss.run("Ask.") is True


def test_limits() -> None:
    with pytest.raises(ValueError, match="Computation"):
        SandboxExecutor(limits=rg.Limits(fuel_per_step=10**9))("while True: pass")
    assert SandboxExecutor(limits=rg.Limits(output_bytes_per_step=10))("print('x' * 100)").logs == "x" * 10
    with pytest.raises(ValueError, match="half"):
        SandboxExecutor(interpreter_state="half")


def test_dropped_executors_leave_no_interpreter() -> None:
    for _ in range(100):
        executor = SandboxExecutor()
        executor.send_tools({"price": Price()})
        assert executor("final_answer(price('tea'))").output == 2.5
    gc.collect()
