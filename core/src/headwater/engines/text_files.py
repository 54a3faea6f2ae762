"""Text files that are none: damaged, of another encoding, compressed as no reader opens them.

Both engines tell of them in the same words.
"""

from __future__ import annotations

from pathlib import PurePosixPath
from typing import Final

from headwater.errors import EngineError, UnsupportedError
from headwater.tables.relation import DataFile, FileRelation

_UNREAD: Final = frozenset({".xz", ".lzo", ".zip", ".7z", ".br"})
"""Ends of names of compressed files that no reader here opens: Spark would take them for text."""


def check_suffix(relation: FileRelation, file: DataFile) -> None:
    """Raise an `UnsupportedError` for a file that no engine opens, by the end of its name."""
    suffix = PurePosixPath(file.path).suffix.lower()
    if suffix in _UNREAD:
        raise UnsupportedError(
            f"table {relation.name}: no engine here opens {suffix} text ({file.path})",
            hint="write the file as gzip, zstd or bzip2 (.gz, .zst, .bz2), or as plain text",
        )


def damaged(engine: str, where: str, why: str) -> EngineError:
    """Return the error for a compressed file that can't be undone whole.

    Args:
        engine: Who says so.
        where: The file, and its table.
        why: What is wrong with it.
    """
    return EngineError(
        f"{engine} engine: {where} is cut or damaged: {why}",
        code="damaged-file",
        hint="write the file anew, or take it out of the table; a file that is not compressed must "
        "not be called .gz, .zst or .bz2",
    )


def not_text(engine: str, where: str) -> EngineError:
    """Return the error for a file that should be text and is not.

    Args:
        engine: Who says so.
        where: The file, and its table.
    """
    return EngineError(
        f"{engine} engine: {where} is not text in UTF-8",
        code="not-text",
        hint="convert it to UTF-8; a compressed file is known by the end of its name (.gz, .zst, "
        ".bz2), here as in Spark: rename one that lacks it",
    )
