"""The interpreter alone."""

from __future__ import annotations

import gc
import signal
import threading
import weakref
from collections.abc import Callable
from typing import Any

import pytest

import runtime_gym as rg


def test_names_persist_or_are_gone() -> None:
    persistent = rg.Sandbox()
    assert persistent.run("x = 6 * 7").success
    assert persistent.run("print(x)").output == "42\n"
    assert persistent.globals == ["x"]
    reset = rg.Sandbox(interpreter_state="reset")
    assert reset.run("x = 6 * 7").success
    outcome = reset.run("print(x)")
    assert (outcome.success, outcome.error_kind, outcome.exception_type) == (False, rg.ErrorKind.EXCEPTION, "NameError")
    assert "name 'x' is not defined" in (outcome.error or "")


def test_the_same_seed_gives_the_same_outcome() -> None:
    code = "import random, time; print(random.random(), time.time())"
    one, other = rg.Sandbox(seed=5).run(code), rg.Sandbox(seed=5).run(code)
    assert (one.output, one.fuel_used) == (other.output, other.fuel_used)
    assert rg.Sandbox(seed=6).run(code).output != one.output


def test_nothing_of_this_machine_is_there() -> None:
    sandbox = rg.Sandbox()
    assert sandbox.run("open('/etc/passwd')").exception_type == "FileNotFoundError"
    assert sandbox.run("import os; print(dict(os.environ))").output == "{}\n"
    assert not sandbox.run("import socket; socket.create_connection(('127.0.0.1', 1))").success


def test_functions_are_tools() -> None:
    seen: list[Any] = []

    def look_up(name: str, *, depth: int = 1) -> dict[str, Any]:
        """Looks a name up."""
        seen.append((name, depth))
        if name == "nobody":
            raise KeyError(name)
        return {"name": name, "depth": depth, "none": None, "list": [1, 2.5, True]}

    sandbox = rg.Sandbox([look_up])
    assert sandbox.run("found = look_up('ada', depth=2)\nprint(found)").output == (
        "{'name': 'ada', 'depth': 2, 'none': None, 'list': [1, 2.5, True]}\n"
    )
    assert seen == [("ada", 2)]
    failed = sandbox.run("look_up('nobody')")
    assert failed.exception_type == "ToolRuntimeException"
    assert "KeyError: 'nobody'" in (failed.error or "")
    assert failed.tool_calls[0].error == "KeyError: 'nobody'"
    wrong = sandbox.run("look_up('ada', height=3)")
    assert wrong.exception_type == "ToolInvocationException"
    assert "unexpected keyword argument 'height'" in (wrong.error or "")
    assert sandbox.run("look_up({1, 2})").exception_type == "ToolInvocationException"
    assert "Looks a name up." in sandbox.run("help(look_up)").output
    assert [call.arguments for call in sandbox.run("look_up('a'); look_up('b', depth=3)").tool_calls] == [
        ["a"],
        {"depth": 3, "*": ["b"]},
    ]


def test_an_answer_that_is_no_json_value() -> None:
    def thing() -> Any:
        return object()

    failed = rg.Sandbox([thing]).run("thing()")
    assert failed.exception_type == "ToolRuntimeException"
    assert "the answer of thing is no JSON value" in (failed.error or "")


@pytest.mark.parametrize("error", [KeyboardInterrupt, SystemExit])
def test_what_no_code_may_catch_passes_to_the_caller(error: type[BaseException]) -> None:
    def stop() -> None:
        raise error

    sandbox = rg.Sandbox([stop])
    with pytest.raises(error):
        sandbox.run("try: stop()\nexcept BaseException: pass")
    assert sandbox.run("print('goes on')").output == "goes on\n"


def test_a_signal_ends_a_step_which_has_no_effect() -> None:
    class Rang(Exception):
        pass

    def ring(_signal: int, _frame: object) -> None:
        raise Rang

    sandbox = rg.Sandbox()
    sandbox.run("x = 1")
    before = signal.signal(signal.SIGALRM, ring)
    try:
        signal.setitimer(signal.ITIMER_REAL, 0.2)
        with pytest.raises(Rang):
            sandbox.run("x = 2\nwhile True: pass")
    finally:
        signal.signal(signal.SIGALRM, before)
    assert sandbox.run("print(x)").output == "1\n"


def test_copies_and_sleepers_have_the_whole_state() -> None:
    sandbox = rg.Sandbox()
    sandbox.run("numbers = iter(range(10)); next(numbers)")
    copy = sandbox.fork()
    sandbox.hibernate()
    assert sandbox.memory_bytes == 0
    assert sandbox.run("print(next(numbers))").output == copy.run("print(next(numbers))").output == "1\n"
    assert sandbox.memory_bytes > 0


def test_limits_end_a_step() -> None:
    limits = rg.Limits(fuel_per_step=10**9, memory_bytes=100 << 20, tool_calls_per_step=2)
    sandbox = rg.Sandbox([lambda_named("tick", lambda: None)], limits=limits)
    assert sandbox.run("while True: pass").error_kind is rg.ErrorKind.FUEL
    assert sandbox.run("x = bytearray(1 << 30)").success is False
    assert sandbox.run("tick(); tick(); tick()").error_kind is rg.ErrorKind.TOOL_CALL_LIMIT
    assert sandbox.run("1 +").error_kind is rg.ErrorKind.SYNTAX


def lambda_named(name: str, function: Callable[..., Any]) -> Callable[..., Any]:
    """A function with a name of its own."""
    function.__name__ = name
    return function


def test_wrong_arguments() -> None:
    with pytest.raises(ValueError, match="half"):
        rg.Sandbox(interpreter_state="half")
    with pytest.raises(ValueError, match="__name__"):
        rg.Sandbox([lambda: None])
    with pytest.raises(OverflowError):
        rg.Sandbox(seed=-1)


def test_other_threads_run_meanwhile() -> None:
    ticks = 0
    done = threading.Event()

    def count() -> None:
        nonlocal ticks
        while not done.wait(0.001):
            ticks += 1

    counter = threading.Thread(target=count)
    counter.start()
    rg.Sandbox().run("for i in range(2_000_000): pass")
    done.set()
    counter.join()
    assert ticks > 10


def test_a_tool_cannot_run_its_own_sandbox() -> None:
    sandbox: rg.Sandbox

    def again() -> str:
        return sandbox.run("print(1)").output

    sandbox = rg.Sandbox([again])
    failed = sandbox.run("again()")
    assert "the sandbox runs a step" in (failed.error or "")


def test_a_sandbox_in_a_circle_is_collected() -> None:
    class Holder:
        def __init__(self) -> None:
            self.sandbox = rg.Sandbox([self.tool])

        def tool(self) -> None:
            pass

    holders = [weakref.ref(Holder()) for _ in range(5)]
    assert any(holder() for holder in holders)
    gc.collect()
    assert not any(holder() for holder in holders)
