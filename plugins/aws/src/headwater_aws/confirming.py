"""Confirming that planned files are still what they were: by version mark, a thousand a call."""

from __future__ import annotations

from collections.abc import Iterable
from os.path import commonprefix
from typing import TYPE_CHECKING

from headwater.relation import DataFile
from headwater_aws.errors import code_of, translating
from headwater_aws.listing import list_many, parse_uri

if TYPE_CHECKING:
    from headwater_aws.session import AwsSession


def changes(session: AwsSession, files: Iterable[DataFile]) -> dict[str, str]:
    """Return what happened to files since they were listed: path to a few words.

    They are listed again, directory by directory, which costs a call for a thousand files; a HEAD
    for each would cost a call a file. What is listed begins as the files do, all of them: whoever
    may list a file alone can't list its directory.

    Args:
        session: Who lists.
        files: As a plan names them; those without a version mark are not asked for.

    Raises:
        AccessDeniedError: If the session may not list them any more.
    """
    planned = [f for f in files if f.etag]
    directories: dict[str, list[str]] = {}
    for file in planned:
        directories.setdefault(file.path.rpartition("/")[0], []).append(file.path)
    # What all of them begin with need not end at a slash. (RUF071: URIs are no paths.)
    found = list_many(session, [commonprefix(paths) for paths in directories.values()])  # noqa: RUF071
    marks = {o.uri: o.etag for listed in found.values() for o in listed}
    changed = {}
    for file in planned:
        mark = marks.get(file.path) or _mark(session, file.path)
        if mark != file.etag:
            changed[file.path] = "is gone" if mark is None else "was overwritten"
        if mark is None:
            break  # one that is gone ends the read: the others need not be looked for
    return changed


def _mark(session: AwsSession, uri: str) -> str | None:
    """Return the version mark of one object (a table may be one, hidden by its name), or None."""
    from botocore.exceptions import ClientError

    bucket, key = parse_uri(uri)
    with translating(doing=f"look at {uri}", resource=uri, session=session):
        try:
            answer = session.client("s3").head_object(Bucket=bucket, Key=key)
        except ClientError as error:
            if code_of(error) in ("404", "NoSuchKey", "NotFound"):
                return None
            raise
    return str(answer["ETag"]).strip('"')
