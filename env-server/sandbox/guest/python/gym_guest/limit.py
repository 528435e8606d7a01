"""Ends a step at the first tool call past the limit, even if the agent's code catches every exception.

The exception alone could be caught, so from then on every line of the agent's code raises it again. In addition,
the host leaves the step only little fuel.
"""

import io
import sys

from gym_guest.failures import FILE

_MONITOR = 4  # one of the ids that `sys.monitoring` leaves free


class ToolCallLimit(BaseException):
    """The step has used up its tool calls."""


def _raise_again(code, _line):
    if code.co_filename == FILE:
        raise ToolCallLimit


def impose() -> None:
    """Makes every further line of the agent's code raise, and drops its further output."""
    try:
        sys.stdout.flush()
    except BaseException:  # noqa: BLE001  (the agent's code may have put anything there)
        pass
    sys.stdout = io.StringIO()
    try:
        sys.monitoring.use_tool_id(_MONITOR, "tool call limit")
    except ValueError:  # in use: by an earlier call of this step, or by the agent's code
        pass
    sys.monitoring.register_callback(_MONITOR, sys.monitoring.events.LINE, _raise_again)
    sys.monitoring.set_events(_MONITOR, sys.monitoring.events.LINE)


def lift() -> None:
    """Undoes `impose` at the end of the step."""
    if sys.monitoring.get_tool(_MONITOR) is not None:
        sys.monitoring.set_events(_MONITOR, 0)
        sys.monitoring.register_callback(_MONITOR, sys.monitoring.events.LINE, None)
        sys.monitoring.free_tool_id(_MONITOR)
