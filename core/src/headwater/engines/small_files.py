"""Small files: objects that are fetched whole, each by one request, once for an operation.

Opening a Parquet file in object storage takes a request for its length, one for its footer and one
or more for each column. A small one is there with the first. What is fetched is of the version that
was planned, and of no other: the request says so.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context
from pathlib import Path
from typing import Final, TypeVar

from headwater.auth.credentials import Access
from headwater.auth.operation_cache import OperationCache
from headwater.interfaces.abilities import Streaming
from headwater.interfaces.offers import offers
from headwater.tables.relation import DataFile, FileRelation

SMALL: Final = 128 * 2**10
"""Bytes of a file that is fetched whole."""
MOST: Final = 16 * 2**20
"""Bytes of the files of one table that are fetched so; where there are more, none is."""
_THREADS: Final = 16

_Fetched = TypeVar("_Fetched")


def small_content(
    session: Streaming, auth_ref: str, file: DataFile, doing: str, cache: OperationCache
) -> bytes:
    """Return the bytes of a small file, as it was planned and as one identity is given them.

    Args:
        session: Who reads it.
        auth_ref: The identity's name: what another one was given is not its own.
        file: The file; it has a version mark.
        doing: What it is read for, after "can't".
        cache: Of the operation.

    Raises:
        HeadwaterError: As the storage answers; a `DataChangedError` if the file was overwritten.
    """

    def ask() -> bytes:
        with session.content(file, doing) as stream:
            return stream.read() or b""

    return cache.once(("content", auth_ref, file.path, file.etag), ask, len)


def fetched(
    relation: FileRelation,
    files: Sequence[DataFile],
    access: Access,
    folder: Callable[[], Path],
) -> dict[str, str]:
    """Return copies of files in a folder of this machine, by the relation's own paths.

    Nothing is fetched, and none returned, where one of them is not small, or has no version mark,
    or all are much together, or their session streams no objects.

    Args:
        relation: Whose files they are.
        files: Some of its files.
        access: The operation's identities.
        folder: Makes an empty folder for them; whoever gives it takes it away.

    Raises:
        HeadwaterError: As the storage answers.
        OSError: If they can't be written.
    """
    if relation.auth_ref is None or not files or sum(f.size for f in files) > MOST:
        return {}
    if any(f.size > SMALL or not f.etag for f in files):
        return {}
    auth_ref = relation.auth_ref
    session = access.session(auth_ref)
    if not offers(session, Streaming):
        return {}
    place = folder()

    def fetch(number: int, file: DataFile) -> str:
        doing = f"read {file.path} of table {relation.name}"
        # Named by number: a key may hold `..`, or be longer than a name can be.
        copy = place / f"{number}.parquet"
        copy.write_bytes(small_content(session, auth_ref, file, doing, access.cache))
        return str(copy)

    copies = fetch_all(fetch, files, "headwater-small")
    return {file.path: copy for file, copy in zip(files, copies, strict=True)}


def fetch_all(
    fetch: Callable[[int, DataFile], _Fetched], files: Sequence[DataFile], name: str
) -> list[_Fetched]:
    """Return what is fetched of each file, of several at once.

    Args:
        fetch: Fetches it, of a file and its number.
        files: The files.
        name: What the threads' names begin with.
    """
    with ThreadPoolExecutor(_THREADS, thread_name_prefix=name) as pool:
        # Each gets a context of its own: a deadline set outside holds inside.
        pending = [
            pool.submit(copy_context().run, fetch, number, file)
            for number, file in enumerate(files)
        ]
        return [one.result() for one in pending]
