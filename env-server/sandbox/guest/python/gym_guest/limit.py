"""Ends a step at the tool call that is one too many, even if the agent's code catches everything.

The exception alone could be caught; so from then on every line of the agent's code raises it again. The
host backs this with what fuel it leaves the step.
"""

import io
import sys

from gym_guest.origin import is_own

_MONITOR = 4  # one of the ids that `sys.monitoring` leaves free


class ToolCallLimit(BaseException):
    """The step has used up its tool calls."""


def _raise_again(code, _line):
    if is_own(code.co_filename):
        raise ToolCallLimit


def impose() -> None:
    """Makes every line that the agent's code still reaches raise, and drops what it still writes."""
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except BaseException:  # noqa: BLE001, PERF203  (the agent's code may have put anything there)
            pass
    sys.stdout = sys.stderr = io.StringIO()
    try:
        sys.monitoring.use_tool_id(_MONITOR, "tool call limit")
    except ValueError:  # taken: by us, at an earlier call of this step, or by the agent's code
        pass
    sys.monitoring.register_callback(_MONITOR, sys.monitoring.events.LINE, _raise_again)
    sys.monitoring.set_events(_MONITOR, sys.monitoring.events.LINE)


def lift() -> None:
    """Back to normal, at the end of the step."""
    if sys.monitoring.get_tool(_MONITOR) is not None:
        sys.monitoring.set_events(_MONITOR, 0)
        sys.monitoring.register_callback(_MONITOR, sys.monitoring.events.LINE, None)
        sys.monitoring.free_tool_id(_MONITOR)
