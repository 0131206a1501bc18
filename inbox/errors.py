"""One family of errors; a class's docstring is its default message.

Two tables decide what happens to them: the worker retries ``Transient`` and gives up on ``Permanent``;
the web edge maps ``Unauthentic`` to 403, ``Malformed`` to 400 and ``NotFound`` to 404. Anything else is a bug.
"""

from __future__ import annotations


class InboxError(Exception):
    """Something went wrong in the inbox."""

    def __init__(self, message: str = "") -> None:
        super().__init__(message or (type(self).__doc__ or "").strip())


class Transient(InboxError):
    """The other side cannot take this now; try again later."""

    def __init__(self, message: str = "", *, retry_after: float | None = None) -> None:
        super().__init__(message)
        #: Seconds the other side asked us to wait, if it said so.
        self.retry_after = retry_after


class Uncertain(InboxError):
    """The provider may have accepted the message; it must not be sent again blindly."""


class Permanent(InboxError):
    """The other side refused this for good."""

    def __init__(self, message: str = "", *, code: str = "") -> None:
        super().__init__(message)
        #: The provider's own error code, e.g. ``21610``.
        self.code = code


class Unsupported(Permanent):
    """The channel cannot express that message."""


class Unauthentic(InboxError):
    """The signature or token is missing or wrong."""


class Malformed(InboxError):
    """The request cannot be read."""


class NotFound(InboxError):
    """There is no such thing."""


class Conflict(InboxError):
    """Somebody else changed this first."""


class Forbidden(InboxError):
    """Your role may not do this."""


class Overloaded(InboxError):
    """The queue is full; try again in a moment."""


class MissingFact(InboxError):
    """The answer needs a fact that the record does not have; it is not sent."""

    def __init__(self, message: str = "", *, fact: str = "") -> None:
        super().__init__(message or f"the answer needs the fact {fact!r}, which is not on record")
        self.fact = fact


class SettingsError(InboxError):
    """The settings cannot be used."""

    def __init__(self, problems: list[str]) -> None:
        super().__init__("; ".join(problems))
        self.problems = problems


class DataError(InboxError):
    """A data file has mistakes."""

    def __init__(self, problems: list[str]) -> None:
        super().__init__("\n".join(problems))
        self.problems = problems
