"""Failed calls as exceptions.

What an agent's code does wrong is an :class:`~runtime_gym.Observation`, never an exception. These say what the caller or a server did
wrong, as the protocol's status codes do.
"""

from __future__ import annotations

from collections.abc import Mapping

__all__ = [
    "AlreadyExists",
    "DeadlineExceeded",
    "FailedPrecondition",
    "InternalError",
    "InvalidArgument",
    "NotFound",
    "PermissionDenied",
    "ResourceExhausted",
    "RuntimeGymError",
    "SandboxError",
    "ServerStartError",
    "Unauthenticated",
    "Unavailable",
]


class RuntimeGymError(Exception):
    """A call that failed."""

    reason: str | None = None
    """The machine-readable reason, for example ``"STEP_CONFLICT"``; env.proto and docs/OPERATIONS.md name them."""
    fields: Mapping[str, str] = {}
    """The fields of the request that are at fault, with what is wrong with each."""
    retry_after: float | None = None
    """Seconds to wait before another attempt, if one may succeed."""
    server: str | None = None
    """The server that said it."""


class InvalidArgument(RuntimeGymError, ValueError):
    """The request is wrong; ``fields`` names where."""


class NotFound(RuntimeGymError, LookupError):
    """There is no such task or episode; an episode may have been closed long ago."""


class AlreadyExists(RuntimeGymError):
    """Another request has begun an episode with this id."""


class FailedPrecondition(RuntimeGymError):
    """The episode does not stand where the call supposes; ``reason`` says more. ``STEP_CONFLICT``: another action was taken at this
    index. ``STEP_GAP``: an earlier step is missing. ``EPISODE_ENDED``: it has ended.
    """


class ResourceExhausted(RuntimeGymError):
    """The server has no room, or the caller's quota is used up."""


class Unavailable(RuntimeGymError, ConnectionError):
    """The server can't be reached. Whether a step was taken is unknown: the same step sent again gets the stored answer, or runs."""


class DeadlineExceeded(RuntimeGymError, TimeoutError):
    """The server has not answered in time."""


class Unauthenticated(RuntimeGymError):
    """The server needs a token, or does not know this one."""


class PermissionDenied(RuntimeGymError, PermissionError):
    """The token does not allow this call."""


class InternalError(RuntimeGymError):
    """A fault of the server's own."""


class SandboxError(RuntimeGymError):
    """The interpreter in this process does not work, or has no room. The code in it never causes this."""


class ServerStartError(RuntimeGymError):
    """A server did not start; the text holds what it said."""


FAULTS = (Unavailable, DeadlineExceeded, ResourceExhausted, InternalError)
"""What is a server's failure, or its want of room, and no mistake of the caller."""


_OF_CODE = {
    "InvalidArgument": InvalidArgument,
    "OutOfRange": InvalidArgument,
    "NotFound": NotFound,
    "AlreadyExists": AlreadyExists,
    "FailedPrecondition": FailedPrecondition,
    "Aborted": FailedPrecondition,
    "ResourceExhausted": ResourceExhausted,
    "Unavailable": Unavailable,
    "DeadlineExceeded": DeadlineExceeded,
    "Unauthenticated": Unauthenticated,
    "PermissionDenied": PermissionDenied,
}


def of_status(
    text: str,
    code: str,
    reason: str | None,
    fields: Mapping[str, str],
    retry_after: float | None,
    server: str,
) -> RuntimeGymError:
    """The exception for a failed call. ``_native`` calls this."""
    error = _OF_CODE.get(code, InternalError)(text)
    error.reason = reason
    error.fields = fields
    error.retry_after = retry_after
    error.server = server or None
    return error
