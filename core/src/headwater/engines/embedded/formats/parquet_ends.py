"""Ends of Parquet files in object storage, where their footers lie: fetched by one request each.

DuckDB's own client asks for a file's length first. What is asked here is the end of the version
that was planned; it is kept in a file of this machine that is as long as the object, and holds
nothing else. Only footers may be read of it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final

from headwater.auth.credentials import Access
from headwater.engines.small_files import fetch_all
from headwater.errors import HeadwaterError
from headwater.interfaces.abilities import Parting
from headwater.interfaces.offers import offers
from headwater.interfaces.recording import footer_length
from headwater.interfaces.stopping import Stop
from headwater.tables.relation import DataFile, FileRelation

_FILES: Final = 64
"""Files beyond which DuckDB's client takes less of the processor."""
_GUESS: Final = 64 * 2**10
"""Bytes in which most footers lie."""
_LARGEST: Final = 16 * 2**20
"""Bytes of a footer that is fetched so."""


def ends(
    relation: FileRelation,
    files: Sequence[DataFile],
    access: Access,
    folder: Callable[[], Path],
) -> dict[str, str]:
    """Return files that hold the ends of others, by the relation's own paths.

    Nothing is returned where one of them can't be fetched, or has no version mark, or a very large
    footer; or where they are many, or the session gives no parts of objects.

    Args:
        relation: Whose files they are.
        files: Some of its files, in Parquet.
        access: The operation's identities.
        folder: Makes an empty folder for them; whoever gives it takes it away.

    Raises:
        OSError: If they can't be written.
        HeadwaterError: If the work that they are fetched for is to end.
    """
    if relation.auth_ref is None or len(files) > _FILES or not all(f.etag for f in files):
        return {}
    session = access.session(relation.auth_ref)
    if not offers(session, Parting):
        return {}
    place = folder()

    def fetch(number: int, file: DataFile) -> str | None:
        doing = f"read the footer of {file.path} of table {relation.name}"
        begin = max(0, file.size - _GUESS)
        content = _part(session, file, begin, file.size, doing)
        length = footer_length(content)
        if length is None or length > min(_LARGEST, file.size):
            return None
        if length > len(content):
            begin = file.size - length
            content = _part(session, file, begin, file.size - len(content), doing) + content
        path = place / f"{number}.parquet"
        with path.open("wb") as end:
            end.seek(begin)
            end.write(content)
        return str(path)

    try:
        found = fetch_all(fetch, files, "headwater-footer")
    except HeadwaterError:
        Stop.current().check()
        return {}  # DuckDB says what is wrong, and of which file
    fetched = {f.path: path for f, path in zip(files, found, strict=True) if path is not None}
    return fetched if len(fetched) == len(files) else {}


def _part(session: Parting, file: DataFile, first: int, last: int, doing: str) -> bytes:
    with session.part(file, first, last, doing) as stream:
        content: bytes = stream.read() or b""
    return content
