"""Refusals: what a storage answered, as far as the status tells that its client kept.

Clients inside of engines lose the storage's own code and message. The error names the object, so
that whoever has the session can ask again (`headwater.reading.reader.explained`).
"""

from __future__ import annotations

from headwater.errors import AccessDeniedError, EngineError, HeadwaterError, SourceError


def refused(status: str, doing: str, reason: str, path: str | None) -> HeadwaterError:
    """Return the error for an object that a storage did not give.

    Args:
        status: The HTTP status of its answer.
        doing: What was tried, e.g. `spark engine: reading s3://lake/a of table db.t`.
        reason: What the client said of it.
        path: The object, where it is known.
    """
    error = _of_status(status, doing, reason)
    error.refused_path = path
    return error


def _of_status(status: str, doing: str, reason: str) -> HeadwaterError:
    if status in ("401", "403"):
        return AccessDeniedError(
            f"{doing} was denied: {reason}",
            hint="most likely first: the identity that reads it lacks s3:GetObject on these files "
            "(or kms:Decrypt on their key); they are archived; this machine's clock is wrong",
        )
    if status in ("301", "307"):
        return SourceError(
            f"{doing} failed: it lies in another region: {reason}",
            code="wrong-region",
            hint="give the source the region in which the bucket lies",
        )
    if status in ("429", "503"):
        return SourceError(
            f"{doing} failed: the storage throttled every attempt: {reason}",
            code="throttled",
            hint="try again later, or read fewer tables at once",
            retryable=True,
        )
    return EngineError(f"{doing} failed: {reason}", retryable=status.startswith("5"))
