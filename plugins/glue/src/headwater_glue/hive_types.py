"""Hive's type texts, as Glue stores them, to `DataType` and back.

Core's `type_text` reads the grammar that Hive and Spark share. Hive's own spelling is looser in
one place: names of struct fields stand bare, whatever they are made of, as in
`struct<a-b:int,first name:int>`. They are put into backticks here, and core reads the rest.

Source: Apache Hive, `TypeInfoUtils.TypeInfoParser`; LanguageManual Types.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Final

from headwater.types import DataType, unreadable
from headwater.types.text import TypeTextError, parse_type
from headwater.untrusted import limits

_STRUCT: Final = re.compile(r"struct\s*<", re.IGNORECASE)
_NO_TYPE: Final = "not a Hive type"
_COMMENT: Final = re.compile(r"\s+comment\s+'(?:[^'\\]|\\.|'')*'\s*$", re.IGNORECASE)

# The words under which Glue's crawlers and other writers file types that Hive spells otherwise.
_ALIASES: Final = {
    "int8": "tinyint",
    "int16": "smallint",
    "int32": "int",
    "int64": "bigint",
    "text": "string",
    "varchar": "string",  # without a length, as PostgreSQL and Redshift write it
    "char": "string",
    "datetime": "timestamp",
    "null": "void",
}


@lru_cache(maxsize=4096)
def column_type(text: str) -> DataType:
    """Return the type that a column's text names; one that can't be read comes back marked.

    One odd column never spoils its table: it is an error only where a query uses it.

    Args:
        text: As Glue holds it, e.g. `array<struct<first name:string,a-b:int>>`.

    Returns:
        The type, or an `unreadable` one whose reason quotes the text.
    """
    try:
        return parse_hive_type(text)
    except TypeTextError as error:
        shortened = text if len(text) <= 80 else f"{text[:77]}..."
        # The error quotes the text that core saw, with backticks that the user never wrote.
        problem = re.sub(r"^type .*(?=ends too soon|: )(: )?", "", str(error))
        problem = problem if len(problem) <= 200 else f"{problem[:200]}..."
        return unreadable(repr(shortened), f"{_NO_TYPE}: {problem}")


def parse_hive_type(text: str) -> DataType:
    """Return the type that a Hive type text names.

    Raises:
        TypeTextError: If the text is not a type; says where it stops being one.
    """
    bare = text.strip()
    if len(bare) * min(bare.count("<"), limits.TYPE_LEVELS + 1) > limits.TYPE_WORK:
        _check_work(bare)
    return parse_type(_ALIASES.get(bare.lower(), _with_quoted_names(bare)))


def _check_work(text: str) -> None:
    depth = deepest = 0
    for character in text:
        if character in "<>":
            depth += 1 if character == "<" else -1
            deepest = max(deepest, depth)
    if deepest > limits.TYPE_LEVELS or len(text) * deepest > limits.TYPE_WORK:
        raise TypeTextError(
            f"type {text[:40]!r}...: {len(text):,} characters that nest {deepest} levels deep"
        )


def malformed(type_: DataType) -> str | None:
    """Return what is wrong with a column's text that named no type; None where it named one."""
    wrong = type_.name == "unreadable" and type_.reason is not None and _NO_TYPE in type_.reason
    return type_.reason if wrong else None


def hive_text(type_: DataType) -> str:
    """Return the text by which Hive and Glue know a type, e.g. `struct<a-b:int>`.

    Raises:
        ValueError: If Hive has no such type (`timestamp_ntz`, `interval`, an unknown one), or the
            name of a struct's field holds a character that would end it.
    """
    match type_.name:
        case "array":
            return f"array<{hive_text(type_.element)}>"
        case "map":
            return f"map<{hive_text(type_.key)},{hive_text(type_.value)}>"
        case "struct":
            return f"struct<{','.join(f'{_bare(n)}:{hive_text(t)}' for n, t in type_.fields)}>"
        case "timestamp_ntz" | "interval" | "unknown" | "unreadable":
            raise ValueError(f"Hive has no type for {type_}")
        case _:
            return str(type_)


def _bare(name: str) -> str:
    if name != name.strip() or not name or re.search(r"(?i)[<>:,`]|comment\s*'", name):
        raise ValueError(f"Hive can't hold a struct field named {name!r}")
    return name


def _with_quoted_names(text: str) -> str:
    """Return a type text with the names of struct fields in backticks, comments left out."""
    parts: list[str] = []
    position = 0
    while (match := _STRUCT.search(text, position)) is not None:
        end = _closing(text, match.end())
        inside = text[match.end() : end]
        fields = ",".join(_quoted_field(f) for f in _split(inside)) if inside.strip() else ""
        parts.append(f"{text[position : match.start()]}struct<{fields}>")
        position = end + 1
    return "".join([*parts, text[position:]])


def _quoted_field(field: str) -> str:
    field = _COMMENT.sub("", field.strip())
    if field.startswith("`"):
        return _with_quoted_names(field)
    name, colon, type_ = field.partition(":")
    if not colon:
        # Spark writes `name type` too; core reads it, and reports what is neither.
        return _with_quoted_names(field)
    return f"`{name.strip().replace('`', '``')}`:{_with_quoted_names(type_)}"


def _split(text: str) -> list[str]:
    """Return the fields of a struct: the parts of a text between its outermost commas."""
    parts, depth, start, quote, in_name = [], 0, 0, "", True
    for position, character in enumerate(text):
        if quote:
            quote = "" if character == quote else quote
        elif _opens_quote(text, position):
            quote = character
        elif character in "<>":
            depth += 1 if character == "<" else -1
        elif character in "()" and not in_name:
            depth += 1 if character == "(" else -1
        elif depth == 0 and character in ":,":
            in_name = character == ","
            if in_name:
                parts.append(text[start:position])
                start = position + 1
    return [*parts, text[start:]]


def _opens_quote(text: str, position: int) -> bool:
    """Return whether a quoted name or comment begins; an apostrophe may also be part of a name."""
    if text[position] == "'":
        return text[max(0, position - 40) : position].rstrip().lower().endswith("comment")
    return text[position] == "`"


def _closing(text: str, start: int) -> int:
    """Return the offset of the `>` that closes the `<` before `start`."""
    depth, quote = 1, ""
    for position in range(start, len(text)):
        character = text[position]
        if quote:
            quote = "" if character == quote else quote
        elif _opens_quote(text, position):
            quote = character
        elif character in "<>":
            depth += 1 if character == "<" else -1
            if depth == 0:
                return position
    raise TypeTextError(f"type {text[:200]!r} ends too soon")
