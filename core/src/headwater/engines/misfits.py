"""Misfits: values and lines of text files that no column takes, told alike by both engines."""

from __future__ import annotations

import re
from typing import Final

from headwater.engines import nanoseconds
from headwater.engines.text_files import not_text
from headwater.errors import EngineError

SHOWN: Final = 120
"""Characters of a value that are told."""
PART: Final = "\x1f"
"""Parts what engines raise: they raise one text."""
NOT_TEXT: Final = "not-text"
"""The kind of a line that is not text in the encoding named before it; in UTF-8 if none is."""


def misfit(
    engine: str, code: str, what: str, table: str, column: str, kind: str, file: str, value: str
) -> EngineError:
    """Return the error for a value that no column takes.

    Args:
        engine: Who says so.
        code: The error's.
        what: What is wrong with the value.
        table: Whose it is.
        column: The column that it is for; empty where it is of a whole line.
        kind: The column's type and what the value is, e.g. `int VARCHAR`.
        file: Where it lies; empty where that is not known.
        value: Its text, or the beginning of it.
    """
    if kind.endswith(NOT_TEXT):
        encoding = kind.removesuffix(NOT_TEXT).strip()
        return not_text(engine, f"{file} of table {table}", encoding=encoding)
    if nanoseconds.CODE in (code, kind.strip()):
        return nanoseconds.error(
            f"table {table}, {file}" if file else f"table {table}", column, value
        )
    where = f"table {table}"
    if column:
        where += f", column {column!r}"
    if file:
        where += f", {file}"
    shown = value if len(value) <= SHOWN else f"{value[:SHOWN]}..."
    return EngineError(
        f"{engine} engine: {where}: {what}: {shown!r}", code=code, hint=_hint(column, kind, value)
    )


def _hint(column: str, kind: str, value: str) -> str:
    type_, _, given_kind = kind.rpartition(" ")
    if given_kind in _LINES and (cause := _json_cause(value)) is not None:
        return cause
    hint = (
        _AS_NUMBER
        if type_.startswith("timestamp") and given_kind in _NUMBERS
        else _HINTS.get(given_kind)
    )
    return (hint or "correct the value").format(column=column, type=type_)


def _json_cause(line: str) -> str | None:
    """Return what to do about a line that is one object and no JSON; None where it is no object."""
    if not line.startswith("{"):
        return None
    bare = _TEXTS.sub('""', line)  # what stands in texts is nobody's fault
    for sign, cause in _CAUSES:
        if sign.search(bare):
            return cause
    if _JOINED.search(bare):
        return _SEVERAL_OBJECTS
    whole = line.rstrip().endswith("}") and not _SEVERAL.search(bare)
    return _ONE_OBJECT if whole else None


_LINES: Final = frozenset({"json", "json-file", "hive-json"})
"""The kinds of a line that is not plainly JSON."""
_TEXTS: Final = re.compile(r'"(?:[^"\\]|\\.)*"')
_SEVERAL: Final = re.compile(r"}\s*,\s*{(?![^\[]*\])")
_JOINED: Final = re.compile(r"}\s*{")
_SEVERAL_OBJECTS: Final = (
    "write one JSON object a line: of several in one Hive's serdes and Athena read the first and "
    "lose the rest; Firehose puts line breaks between records where its stream is told to "
    "(AppendDelimiterToRecord)"
)
_AFRESH: Final = "write it with a JSON library, not as a program's own text of a value"
_ONE_OBJECT: Final = (
    f"correct the line, or {_AFRESH}: JSON has no comments, no leading zeros, no control "
    "characters in texts"
)
_CAUSES: Final = (
    (
        re.compile(r"[:\[,]\s*[-+]?(?:nan|inf|infinity)\b", re.IGNORECASE),
        "JSON has no NaN and no infinity: write null in its place",
    ),
    (re.compile(r"[{\[:,]\s*'"), f"JSON's quotes are double ones: {_AFRESH}"),
    (
        re.compile(r"[:\[,]\s*(?:None|True|False)\b"),
        f"JSON writes null, true and false: {_AFRESH}",
    ),
    (re.compile(r",\s*[}\]]"), "JSON has no comma before a closing bracket: leave it out"),
)
"""What a line has that JSON does not, and what to do."""


_AS_TEXT: Final = (
    "correct the value; or declare the column {column} as string, in the catalog or the source's "
    "`columns`, and convert it in the query: TRY_CAST({column} AS {type}) is NULL where it can't be"
)
_AS_DOUBLE: Final = (
    "correct the value; or declare the column {column} as double, in the catalog or the source's "
    "`columns`"
)
_NUMBERS: Final = frozenset({"BIGINT", "UBIGINT"})
_AS_NUMBER: Final = (
    "declare the column {column} as bigint, in the catalog or the source's `columns`, and make a "
    "timestamp of it in the query: timestamp_millis({column}) of milliseconds since 1970, "
    "timestamp_seconds({column}) of seconds"
)
_HINTS: Final = {
    "text": _AS_TEXT,
    "VARCHAR": _AS_TEXT,
    "STRING": _AS_TEXT,
    "BIGINT": _AS_TEXT,
    "UBIGINT": _AS_TEXT,
    "BOOLEAN": _AS_TEXT,
    "DOUBLE": _AS_DOUBLE,
    "DECIMAL": _AS_DOUBLE,
    "OBJECT": "correct the value; or declare the column {column} as a struct of the keys that are "
    "asked for, in the catalog or the source's `columns`",
    "ARRAY": "correct the value; or declare the column {column} as an array, in the catalog or the "
    "source's `columns`",
    "partition-type": "declare the column {column} in the partition as in the table and write its "
    "files so, or leave it out of the query",
    "nested": "correct the value, or leave the column {column} out of the query",
    "keys": "write each key once",
    "quotes": "set the option multiLine=true, if values hold line breaks, and escape as the file "
    "does (escape='\"' where quotes are doubled); else correct the line, or use the spark engine "
    "for this table",
    "cr": "end the file's lines with newlines",
    "marks": "write the file without byte order marks, or use the spark engine for this table",
    "mark": "take the file out of the table: Spark reads a row of it",
    "long-line": "use the spark engine for this table",
    "escaped-end": "write line breaks as another character, and do not escape r and n; Hive 1 "
    "reads the letter, Hive 3 the end of a line",
    "hive-quotes": "write each record in one line, its quotes doubled or escaped: Hive's serde and "
    "Athena cut records at line breaks; or read its files by a source of their own "
    "(type: s3 or files, format: csv, options: {{multiLine: true}})",
    "open-quotes": "set the option multiLine=true, if values hold line breaks",
    "spark-json": "correct the line or the columns' types; the option mode=PERMISSIVE makes NULLs "
    "of what does not fit",
    "json": "write one JSON object a line; files of one object or one list, over several lines, "
    "are read with the option multiLine=true",
    "json-file": "write one JSON object a line, and leave the option multiLine out",
    "hive-json": "write one JSON object a line, as the table's serde and Athena want it; or, where "
    "each file is one object or one list, read them by a source of their own (type: s3 or files, "
    "format: json, options: {{multiLine: true}})",
}
"""What to do, by what the value is."""
