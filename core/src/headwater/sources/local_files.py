"""Local files and their version marks: what tells that a file was overwritten, as ETags do.

A mark is made of what the file system keeps of a file: its inode, its length, when its content was
last modified and when anything of it was last changed. A file that is replaced has another inode;
one that is written over in place has other times, also where somebody put the first of them back.
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path
from typing import Final
from urllib.parse import unquote, urlsplit

from headwater.tables.relation import DataFile

_MARK: Final = "stat:"
"""Begins the marks that are made here: those of a plugin's own are not compared with them."""


def local_path(uri: str) -> Path | None:
    """Return the path of a file of this machine, by its path or `file:` URI; None for others."""
    scheme, _, rest = uri.partition("://")
    if not rest:
        return Path(uri)
    return Path(unquote(urlsplit(uri).path)) if scheme == "file" else None


def data_file(path: str, partition: int = 0) -> DataFile:
    """Return a local file as it is now, with its version mark; a link is what it leads to.

    Raises:
        OSError: If there is none.
    """
    status = Path(path).stat()
    return DataFile(path, status.st_size, partition, _mark(status))


def has_mark(file: DataFile) -> bool:
    """Return whether a file has a mark, by which `changes` tells what happened to it."""
    return file.etag is not None and file.etag.startswith(_MARK)


def marked(files: Iterable[DataFile]) -> tuple[DataFile, ...]:
    """Return files with the marks that local ones have now; of other storage, or gone, as given.

    One that has another length already keeps the one that was listed, by which engines notice it.
    """
    return tuple(_marked(file) for file in files)


def changes(files: Iterable[DataFile]) -> dict[str, str]:
    """Return what happened to local files since they were planned: path to a few words.

    Args:
        files: As a plan names them; those without a mark of `data_file` are not looked at.
    """
    changed = {}
    for file in files:
        if not has_mark(file):
            continue
        path = local_path(file.path)
        try:
            now = None if path is None else _mark(path.stat())
        except FileNotFoundError:
            now = None
        if now != file.etag:
            changed[file.path] = "is gone" if now is None else "was overwritten"
    return changed


def _marked(file: DataFile) -> DataFile:
    path = local_path(file.path) if file.etag is None else None
    try:
        status = None if path is None else path.stat()
    except OSError:
        return file
    if status is None or status.st_size != file.size:
        return file
    return replace(file, etag=_mark(status))


def _mark(status: os.stat_result) -> str:
    return f"{_MARK}{status.st_ino}-{status.st_size}-{status.st_mtime_ns}-{status.st_ctime_ns}"
