"""Text files that are none: damaged, of another encoding, compressed as no reader opens them.

Both engines tell of them in the same words.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from pathlib import PurePosixPath
from types import MappingProxyType
from typing import Final

from headwater.engines.file_groups import FileGroup
from headwater.errors import EngineError, UnsupportedError
from headwater.tables import encodings
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


def not_text(engine: str, where: str, place: str = "", encoding: str = "") -> EngineError:
    """Return the error for a file that should be text and is not.

    Args:
        engine: Who says so.
        where: The file, and its table.
        place: Where in it the first such byte is: `line 3`; empty where that is not known.
        encoding: What its table says that it is in; empty for UTF-8.
    """
    at = f" ({place})" if place else ""
    return EngineError(
        f"{engine} engine: {where} is not text in {encoding or 'UTF-8'}{at}",
        code="not-text",
        hint="convert it to UTF-8; a compressed file is known by the end of its name (.gz, .zst, "
        ".bz2), here as in Spark: rename one that lacks it; a file of another format (Parquet, "
        "ORC) does not belong there",
    )


HIVE_OPTIONS: Final[Mapping[str, Mapping[str, str | None]]] = {
    "hive-text": {
        "sep": "\x01",
        "nullValue": "\\N",
        "header": "false",
        "escape": "",
        "encoding": "",
    },
    "hive-csv": {"sep": ",", "quote": '"', "escape": "\\", "header": "false"},
    "hive-json": {"malformed": "fail", "keys": "ignore-case", "quoted": "fail", "key.": None},
}
"""The reader options of Hive's text formats, with their defaults."""
ESCAPED: Final = (
    "a text with an escape before r or n, which Hive's versions read each in its own way"
)


def checked_options(
    engine: str,
    group: FileGroup,
    known: Mapping[str, str | None],
    fixed: Mapping[str, Collection[str]] = MappingProxyType({}),
) -> dict[str, str]:
    """Return a group's options, lower-cased, with defaults.

    Args:
        engine: Who reads them, for errors.
        group: The files.
        known: The options that are honoured, with their defaults; a default of None: no value. A
            name that ends with a dot stands for all that begin so.
        fixed: The values that are honoured of some of them, in lower case.

    Raises:
        UnsupportedError: If one is not honoured.
    """
    declared = {k.lower(): v for k, v in group.options.items()}
    names = {k.lower(): v for k, v in known.items()}
    begins = tuple(n for n in names if n.endswith("."))
    if strange := sorted(k for k in declared if k not in names and not k.startswith(begins)):
        raise UnsupportedError(
            f"table {group.relation.name}: the {engine} engine does not honour the reader options "
            f"{', '.join(strange)} of {group.format} files",
            hint=way_out(group.format),
        )
    merged = {k: v for k, v in names.items() if v is not None} | declared
    for option, allowed in fixed.items():
        if merged[option].strip().lower() not in allowed:
            raise unhonoured(engine, group, option, merged[option])
    return merged


def csv_separator(engine: str, group: FileGroup, options: Mapping[str, str]) -> str:
    """Return what parts the fields of Spark's CSV files: its `sep`, before `delimiter`.

    Args:
        engine: Who reads them, for errors.
        group: The files.
        options: Their options, lower-cased.

    Raises:
        UnsupportedError: For a backslash that begins nothing, as Spark has it.

    Source: Apache Spark, CSVExprUtils.toDelimiterStr.
    """
    declared = options.get("sep", options.get("delimiter", ","))
    if declared in _SPELLED:
        return _SPELLED[declared]
    if not declared or "\\" in declared:
        raise unhonoured(engine, group, "sep", declared)
    return declared


_SPELLED: Final = {
    "\\t": "\t", "\\r": "\r", "\\b": "\b", "\\f": "\f", '\\"': '"', "\\'": "'", "\\\\": "\\",
    "\\u0000": "\0",
}  # fmt: skip
"""Separators as they are spelled, and what they mean."""


def unhonoured(engine: str, group: FileGroup, name: str, value: str) -> UnsupportedError:
    """Return the error for a value of a reader option that is not honoured."""
    return UnsupportedError(
        f"table {group.relation.name}: the {engine} engine does not honour the reader option "
        f"{name}={value!r}",
        hint=way_out(group.format),
    )


def encoding_of(
    engine: str, group: FileGroup, declared: str, *, whole: bool = False, several: bool = False
) -> str:
    """Return Python's name of a group's encoding; empty for UTF-8.

    Args:
        engine: Who reads it, for errors.
        group: The files.
        declared: What their options say.
        whole: Whether lines do not end records, so that UTF-16 and UTF-32 are read too.
        several: Whether encodings of several bytes a character are, such as GBK.

    Raises:
        UnsupportedError: If it is none of those that are read alike everywhere.
    """
    wide = encodings.wide_codec(declared) if whole else None
    name = wide or encodings.codec(declared, several=several)
    if name is None:
        raise unread_encoding(engine, group, declared)
    return name


def unread_encoding(engine: str, group: FileGroup, declared: str) -> UnsupportedError:
    """Return the error for an encoding that is not read of a group's files."""
    whole = ""
    if not group.format.startswith("hive-"):
        whole = "; UTF-16 and UTF-32 are read of whole files (multiLine: true)"
    return UnsupportedError(
        f"table {group.relation.name}: the {engine} engine does not honour the reader option "
        f"encoding={declared!r}",
        hint="convert the files to UTF-8, or to an encoding of one byte a character; the embedded "
        "engine reads lines in GBK, Big5, Shift_JIS, windows-31j, EUC-JP, EUC-KR and MS949" + whole,
    )


def way_out(format: str) -> str:
    """Return the hint for what is not read of a format: Spark reads its own, not more of Hive's."""
    if format.startswith("hive-"):
        return "write the files as Parquet, or as Spark's csv or json: no engine reads more of them"
    return "use the spark engine for this table"


def renamed_keys(options: Mapping[str, str]) -> dict[str, str]:
    """Return the keys of JSON that are not called as their columns are, by the column's name."""
    return {k.removeprefix("key."): v for k, v in options.items() if k.startswith("key.")}
