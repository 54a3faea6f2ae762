"""Spark's own text formats line by line: parsed by Spark, without what it does in silence.

Spark's readers of CSV and JSON give NULLs for a line that they do not understand, take the first of
several objects in a line and leave the rest, and read bytes that are no UTF-8 as other characters.
Here files are read as lines, each is proven, and `from_csv` and `from_json` parse it: with Spark's
parsers and all their options, so that values are Spark's own.

What no line can be (`multiLine` of CSV, another encoding or line end, a mode that drops rows) is
left to Spark's reader, for which a table's options ask in so many words.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final

from headwater.engines import text_shapes as shapes
from headwater.engines.file_groups import FileGroup
from headwater.engines.spark.types import ddl, literal, raised, unpadded
from headwater.engines.text_files import csv_separator, encoding_of, unread_encoding
from headwater.sql.rewriting import quoted
from headwater.tables import encodings
from headwater.tables.table import Column
from headwater.types import BOOLEAN, STRING

FORMATS: Final = frozenset({"csv", "json"})
_BAD: Final = "headwater: no such line"
"""A column for lines that Spark does not understand, called as no other is."""
_OFTEN: Final = {"enforceschema": ("true",), "mode": ("permissive", "failfast")}
_SPARKS_OWN: Final = (None, "", "ascii", "iso8859-1")
"""What Spark decodes itself, by `encoding`."""
_OF_FILES: Final = frozenset({"mode", "multiline", "header", "enforceschema", "inferschema",
                              "encoding", "charset", "columnnameofcorruptrecord"})  # fmt: skip


def is_lines(group: FileGroup) -> bool:
    """Return whether a group is of Spark's text formats, with options that leave lines alone."""
    options = _options(group)
    if group.format not in FORMATS or "linesep" in options or "comment" in options:
        return False
    read = encoding(group)
    if group.format == "csv" and is_whole(group):
        if read not in _SPARKS_OWN:
            raise unread_encoding("spark", group, encodings.declared_in(group.options))
        return False
    if read is None:
        return False
    return all(options.get(n, v[0]).strip().lower() in v for n, v in _OFTEN.items())


def encoding(group: FileGroup) -> str | None:
    """Return Python's name of what files are in; empty for UTF-8, None for what is Spark's alone.

    Raises:
        UnsupportedError: For what nobody reads here; lines of UTF-16 Spark cuts within characters.
    """
    declared = encodings.declared_in(group.options)
    if is_whole(group) and (wide := encodings.wide_codec(declared)) is not None:
        return wide if group.format == "json" else None
    return encoding_of("spark", group, declared)


def is_whole(group: FileGroup) -> bool:
    """Return whether a file is one value, over several lines."""
    return _options(group).get("multiline", "false").strip().lower() == "true"


def has_header(group: FileGroup) -> bool:
    """Return whether the first line of each file is no row."""
    return group.format == "csv" and _options(group).get("header", "").strip().lower() == "true"


def parsed(line: str, group: FileGroup) -> str:
    """Return an expression for what Spark makes of a line: a struct; an array of a whole file."""
    columns = list(unpadded(group.columns))
    options = {k: v for k, v in group.options.items() if k.lower() not in _OF_FILES}
    if group.format == "csv":
        return f"from_csv({line}, {literal(ddl(columns))}{_map(options)})"
    if is_whole(group):
        schema = f"array<struct<{ddl(columns)}>>"
        return f"from_json({line}, {literal(schema)}{_map({**options, 'mode': 'FAILFAST'})})"
    schema = ddl([*columns, Column(_BAD, STRING)])
    options["columnNameOfCorruptRecord"] = _BAD
    return f"from_json({line}, {literal(schema)}{_map(options)})"


def check(line: str, value: str, file: str, group: FileGroup) -> str:
    """Return a condition that is true of a line, or raises.

    Args:
        line: The line, as SQL.
        value: What it was parsed to.
        file: The path of its file.
        group: Whose it is.
    """
    name = group.relation.name

    def odd(what: str, kind: str) -> str:
        return raised(what, table=name, value=line, file=file, kind=literal(f" {kind}"))

    if group.format == "csv":
        return f"CASE WHEN {_closed(line, group)} THEN true ELSE {odd(_OPEN, 'open-quotes')} END"
    begins = f"{line} RLIKE {literal(_BEGINS_FILE if is_whole(group) else _BEGINS)}"
    ended = f"({begins} AND coalesce({_ended(line, group)}, false))"
    if is_whole(group):
        other = odd("a file that is not one JSON object, or one list of them", "json-file")
        return f"CASE WHEN {ended} THEN true ELSE {other} END"
    other = odd("a line that is not one JSON object", "json")
    bad, broken = f"{value}.{quoted(_BAD)} IS NOT NULL", "true"
    if _options(group).get("mode", "failfast").strip().lower() == "failfast":
        unread = odd("a line that Spark does not read as the table's columns", "spark-json")
        broken = f"CASE WHEN {ended} THEN {unread} ELSE {other} END"
    return (
        f"CASE WHEN {bad} THEN {broken} WHEN {value} IS NOT NULL AND {ended} THEN true "
        f"ELSE {other} END"
    )


_BEGINS: Final = r"\A\s*\{"
_BEGINS_FILE: Final = r"\A\s*[\[{]"
_OPEN: Final = "a line in which a quote is open: its record may go on in the next"


def _ended(line: str, group: FileGroup) -> str:
    """Return a condition for a line with nothing after its value: parsers do not look there."""
    options = _map({k: v for k, v in group.options.items() if k.lower() not in _OF_FILES})
    end = f'{{"{_BAD}": true}}'
    schema = f"struct<{quoted(_BAD)}: {BOOLEAN}>"

    def ends(mark: str, type_: str, suffix: str) -> str:
        items = (
            f"from_json(concat('[', {line}, {literal(f', {mark}]')}), {literal(type_)}{options})"
        )
        return f"(size({items}) = 2 AND {items}{suffix}.{quoted(_BAD)})"

    one = ends(end, f"array<{schema}>", "[1]")
    if not is_whole(group):
        return one
    several = ends(f"[{end}]", f"array<array<{schema}>>", "[1][0]")
    return f"CASE WHEN {line} RLIKE {literal(_BEGINS)} THEN {one} ELSE {several} END"


def _closed(line: str, group: FileGroup) -> str:
    """Return a condition for a line that closes each quote that begins a field."""
    options = {"quote": '"', "escape": "\\", **_options(group)}
    quote, escape = options["quote"], options["escape"]
    separator = csv_separator("spark", group, options)
    if len(quote) != 1 or quote == "\0":
        return "true"
    q, sep = re.escape(quote), re.escape(separator)
    escapes = "" if len(escape) != 1 or escape in (quote, "\0") else re.escape(escape)
    plain = f"[^{shapes.in_class(quote + (escape if escapes else ''))}]*+"
    inside = f"{plain}(?:{escapes}.{plain})*+" if escapes else plain
    # After its closing quote a field may go on, as Spark's parser lets it.
    after = f"(?:(?!{sep}).)*+"
    field = f"(?:{q}{inside}{q}{after}|(?!{q}){after})"
    grammar = f"(?s)\\A{field}(?:{sep}{field})*+\\z"
    return f"(NOT contains({line}, {literal(quote)}) OR {line} RLIKE {literal(grammar)})"


def _options(group: FileGroup) -> dict[str, str]:
    return {k.lower(): v for k, v in group.options.items()}


def _map(options: Mapping[str, str]) -> str:
    if not options:
        return ""
    return f", map({', '.join(f'{literal(k)}, {literal(v)}' for k, v in options.items())})"
