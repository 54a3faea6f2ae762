"""What goes wrong inside DuckDB, told as what went wrong for the reader.

DuckDB's errors reach us as its own exceptions, or, in the middle of a stream, as Arrow's with
DuckDB's text. Both are recognised by that text. Compiled queries raise with texts of the form
`headwater(code): message` (`portable.raising`).
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from types import MappingProxyType
from typing import Final
from urllib.parse import unquote

from headwater.engines.embedded.misfits import Place, misfit_error
from headwater.engines.file_formats import told_format, wrong_format
from headwater.engines.runtime_errors import hint_of
from headwater.engines.storage_errors import refused
from headwater.engines.text_files import not_text
from headwater.errors import (
    DataChangedError,
    EngineError,
    HeadwaterError,
)
from headwater.interfaces.plan import Scan
from headwater.tables.relation import FileRelation
from headwater.untrusted import limits

_OWN: Final = re.compile(r"headwater\(([a-z-]+)\): (.*)", re.DOTALL)
_CONDITION: Final = re.compile(r"\[([A-Z_]+)")
_QUERY_STRING: Final = re.compile(r"(\w+://[^\s'\"?]+)\?[^\s'\"]*")
_URL: Final = re.compile(r"(?:s3|https?|file)://[^'\"\n]+|/[^'\"\n]+\.\w+")
_LOOKED_INTO: Final = re.compile(r'Cannot access file "([^"]+)/\*\*/\*\.\w+"')
"""DuckDB takes a file that is gone for a folder, which it may not look into."""
_STATUS: Final = re.compile(r"\bHTTP (?:code )?([345]\d\d)\b")
_CSV_LINE: Final = re.compile(r"Invalid Input Error: CSV Error on Line: (\d+)\b")
_DENIED: Final = ("401", "403")
_LONG_LINE: Final = re.compile(r"Maximum line size of \d+ bytes exceeded")
_AFTER_THE_LINE: Final = 4_000
"""Characters of DuckDB's own words behind a line that it quotes."""
_RUNTIME: Final = ("Conversion Error", "Out of Range Error", "Invalid Input Error: Could not parse")
FEWER_FILES: Final = (
    "raise the limit of open files (ulimit -n), or let the embedded engine read with fewer "
    "threads: {type: embedded, threads: 2}"
)
"""What to do where a process, or the system, can open no more files."""
_PORTABLE_HINT: Final = (
    "run this read on Spark: pip install headwater[spark], engine: {type: spark}"
)


@contextmanager
def translated(
    scans: Sequence[Scan],
    renewals: Sequence[HeadwaterError] = (),
    raised: Sequence[HeadwaterError] = (),
    places: Sequence[Place] = (),
    copies: Mapping[str, str] = MappingProxyType({}),
) -> Iterator[None]:
    """Turn DuckDB's and Arrow's exceptions of the block into headwater's.

    Args:
        scans: The tables that are read, to name the one that a file belongs to.
        renewals: Failed renewals of credentials: the cause, where access is denied.
        raised: What tables' own streams raised: the cause, whatever DuckDB makes of it.
        places: Where values may lie that fit no column.
        copies: Files of this machine that DuckDB reads in the place of a table's.
    """
    import duckdb
    import pyarrow as pa

    try:
        yield
    except UnicodeDecodeError as error:
        # DuckDB read its error's body as text: what storage sent was data, of another version than
        # the one before (a refusal is XML). The message is lost with it.
        raise overwritten(_place("", scans)[0]) from error
    except (duckdb.Error, pa.ArrowException, OSError) as error:
        for cause in raised:
            # A cause of its own is the driver's exception, which tells more.
            raise cause from (cause.__cause__ or error)
        message = str(error)
        for copy, path in copies.items():
            message = message.replace(copy, path)
        raise failure(message, scans, renewals, places) from error


def is_denied(error: Exception) -> bool:
    """Return whether a DuckDB or Arrow exception says that storage refused the keys."""
    status = _STATUS.search(str(error))
    return status is not None and status[1] in _DENIED


def failure(
    message: str,
    scans: Sequence[Scan],
    renewals: Iterable[HeadwaterError] = (),
    places: Sequence[Place] = (),
) -> HeadwaterError:
    """Return the error that a DuckDB message stands for, without anything secret in it."""
    if misfit := misfit_error(message, places):
        return misfit
    if _LONG_LINE.search(message, max(0, len(message) - _AFTER_THE_LINE)):
        # The line itself stands before that: only what follows it is DuckDB's own.
        where, _ = _place(message[-_AFTER_THE_LINE:], scans)
        return line_too_long(where)
    message = _QUERY_STRING.sub(r"\1", message)
    if match := _LOOKED_INTO.search(message):
        where, _ = _place(f"'{match[1]}'", scans)
        return _file_deleted(where)
    if own := _OWN.search(message):
        return _raised_by_query(own[1], own[2].strip())
    where, path = _place(message, scans)
    status = _STATUS.search(message)
    if (status is not None and status[1] != "404") or ("HTTP Error" in message and status is None):
        denied = status is not None and status[1] in _DENIED
        for cause in renewals if denied else ():
            return cause
        reason = _first_line(message)
        doing = f"embedded engine: reading {where}"
        return refused(status[1] if status else "", doing, reason, path or "")
    if "ETag" in message and "changed" in message:
        return overwritten(where)
    if "HTTP 404" in message or "No files found" in message or "No such file" in message:
        return _file_deleted(where)
    if message.startswith("Out of Memory Error") or "OutOfMemory" in message:
        return EngineError(
            f"embedded engine: out of memory: {_first_line(message)}",
            code="out-of-memory",
            hint="raise memory_limit of the embedded engine, read a smaller window, or use spark",
        )
    if message.startswith(_RUNTIME):
        return EngineError(
            f"embedded engine: {_first_line(message)}",
            code="spark-runtime-error",
            hint=hint_of(),
        )
    if "Invalid unicode" in message:
        line = _CSV_LINE.match(message)
        return not_text("embedded", where, f"line {line[1]}" if line else "")
    if "state machine reached an invalid state" in message:
        hint = "give all its lines one kind of end, or use the spark engine for this table"
        return mixed_line_ends(where, hint)
    if (declared := told_format(message)) is not None:
        return wrong_format("embedded", where, declared)
    return EngineError(
        f"embedded engine: reading {where} failed: {_first_line(message)}",
        hint=FEWER_FILES if "Too many open files" in message else None,
    )


def _file_deleted(where: str) -> DataChangedError:
    return DataChangedError(
        f"{where} was there when the read was planned and is gone now",
        hint="plan the read again",
    )


def overwritten(where: str) -> DataChangedError:
    """Return the error for an object that is of another version than the one that was read before.

    Args:
        where: Its file and table, or the table.
    """
    return DataChangedError(
        f"{where} was overwritten while it was read", hint="plan the read again"
    )


def line_too_long(where: str) -> EngineError:
    """Return the error for a line of text that is longer than any that is read.

    Args:
        where: Its file and table.
    """
    return EngineError(
        f"embedded engine: {where} has a line of more than {limits.LINE_BYTES // 2**20} MiB",
        code="line-too-long",
        hint="is it text, a record a line? Parquet holds values of any length",
    )


def mixed_line_ends(where: str, hint: str) -> EngineError:
    """Return the error for a text file whose lines end in several ways.

    Args:
        where: The file, and its table.
        hint: What to do.
    """
    return EngineError(
        f"embedded engine: the lines of {where} end now with one of LF, CR LF and CR, now with "
        "another",
        code="mixed-line-ends",
        hint=hint,
    )


def _raised_by_query(code: str, message: str) -> EngineError:
    if code == "not-portable-value":
        return EngineError(f"embedded engine: {message}", code=code, hint=_PORTABLE_HINT)
    condition = _CONDITION.match(message)
    hint = hint_of(condition[1]) if condition else hint_of()
    return EngineError(f"embedded engine: {message}", code=code, hint=hint)


def _first_line(message: str) -> str:
    # Arrow appends the traceback of an exception that a stream raised in Python.
    own_text = message.partition(". Detail: Python exception")[0]
    lines = [line.strip() for line in own_text.splitlines() if line.strip()]
    return lines[0] if lines else "no reason given"


def _place(message: str, scans: Sequence[Scan]) -> tuple[str, str | None]:
    """Return the file and table that a message is about, and its path; or the read's tables."""
    places = [
        (file.path, f"{file.path} of table {scan.table}")
        for scan in scans
        if isinstance(scan.relation, FileRelation)
        for file in scan.relation.files
    ]
    for candidate in _URL.findall(message):
        end = unquote(candidate.rstrip(".,;:)'\"").split("://")[-1])
        for path, where in places:
            key = path.split("://")[-1]
            if end.endswith((key, key.partition("/")[2] or key)):
                return where, path
    for path, where in places:  # Hive's files have names without an ending
        if f"'{path}'" in message:
            return where, path
    tables = ", ".join(dict.fromkeys(str(s.table) for s in scans))
    return f"table {tables}" if tables else "the query", None
