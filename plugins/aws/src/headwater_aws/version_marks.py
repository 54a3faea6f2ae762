"""Confirming that planned files are still what they were: by version mark, a thousand a call."""

from __future__ import annotations

from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context
from typing import TYPE_CHECKING, Final

from headwater.errors import AccessDeniedError
from headwater.tables.relation import DataFile
from headwater_aws.listing import list_many
from headwater_aws.objects import look

if TYPE_CHECKING:
    from headwater_aws.session import AwsSession

_THREADS: Final = 16


def changes(session: AwsSession, files: Iterable[DataFile]) -> dict[str, str]:
    """Return what happened to files since they were listed: path to a few words.

    Their directories are listed again, which costs a call for a thousand files; a HEAD for each
    would cost a call a file. Whoever may not list a directory (a table may be one object, and a
    policy as narrow) asks for each of the files, which reading them takes anyway.

    Args:
        session: Who lists.
        files: As a plan names them; those without a version mark are not asked for.

    Raises:
        AccessDeniedError: If the session may neither list nor look at them any more.
    """
    planned = {f.path: f for f in files if f.etag}
    directories = dict.fromkeys(f"{path.rpartition('/')[0]}/" for path in planned)
    marks: dict[str, str | None]
    try:
        by_directory = list_many(session, directories)
    except AccessDeniedError:
        with ThreadPoolExecutor(_THREADS, thread_name_prefix="headwater-s3") as pool:
            looking = [pool.submit(copy_context().run, _mark, session, path) for path in planned]
            marks = {path: one.result() for path, one in zip(planned, looking, strict=True)}
    else:
        marks = {o.uri: o.etag for listed in by_directory.values() for o in listed}
    changed = {}
    for path, file in planned.items():
        # One that a listing leaves out may be hidden by its name, and be the table itself.
        mark = marks[path] if path in marks else _mark(session, path)
        if mark != file.etag:
            changed[path] = "is gone" if mark is None else "was overwritten"
        if mark is None:
            break  # one that is gone ends the read: the others need not be looked for
    return changed


def _mark(session: AwsSession, uri: str) -> str | None:
    """Return the version mark of one object (a table may be one, hidden by its name), or None."""
    answer = look(session, uri)
    return None if answer is None else str(answer["ETag"]).strip('"')
