"""The grammar of type texts: Spark's and Hive's spellings to `DataType`.

Source: Apache Hive, LanguageManual Types; Apache Spark, SQL Reference "Data Types".
"""

from __future__ import annotations

import functools
import re
from collections.abc import Callable
from typing import Final, TypeVar

from headwater import types as t
from headwater.types import DataType
from headwater.untrusted import limits
from headwater.untrusted.texts import is_whole, whole_number

_T = TypeVar("_T")

_PRIMITIVES: Final = {
    "boolean": t.BOOLEAN,
    "tinyint": t.TINYINT,
    "byte": t.TINYINT,
    "smallint": t.SMALLINT,
    "short": t.SMALLINT,
    "int": t.INT,
    "integer": t.INT,
    "bigint": t.BIGINT,
    "long": t.BIGINT,
    "float": t.FLOAT,
    "real": t.FLOAT,
    "double": t.DOUBLE,
    "string": t.STRING,
    "binary": t.BINARY,
    "date": t.DATE,
    "timestamp": t.TIMESTAMP,
    "timestamp_ltz": t.TIMESTAMP,
    "timestamp_ntz": t.TIMESTAMP_NTZ,
    "void": t.VOID,
}
_SHOWN: Final = 200
"""Characters of a type that a message shows."""
_TOKEN: Final = re.compile(r"\s*(`(?:[^`]|``)*`|[<>(),:]|[^\s<>(),:`]+)")


class TypeTextError(ValueError):
    """A type text does not follow the grammar; says where."""


def parse_type(text: str) -> DataType:
    """Return the type that a Spark or Hive type text names.

    Struct field names may be bare or in backticks. A type that is known and unreadable
    (`uniontype`, Spark's `variant`) comes back marked, so that one column does not spoil a table.

    Raises:
        TypeTextError: If the text is not a type.
    """
    return _parsed_before(text) if len(text) <= _SHOWN else _parsed(text)


def _parsed(text: str) -> DataType:
    parser = _Parser(text)
    parsed = parser.type()
    parser.end()
    return parsed


_parsed_before: Final = functools.lru_cache(maxsize=1_000)(_parsed)
"""A catalog's thousands of columns have a few types, which are told as texts, each time."""


class _Parser:
    def __init__(self, text: str) -> None:
        if len(text) > limits.TYPE_CHARACTERS:
            raise TypeTextError(
                f"a type of {len(text):,} characters; {limits.TYPE_CHARACTERS:,} are the most"
            )
        self._text = text if len(text) <= _SHOWN else f"{text[:_SHOWN]}..."
        self._whole = text
        self._level = 0
        self._tokens: list[tuple[str, int]] = []
        position = 0
        stripped = text.rstrip()
        while position < len(stripped):
            match = _TOKEN.match(stripped, position)
            if match is None:
                raise TypeTextError(f"type {self._text!r}: unexpected {stripped[position]!r}")
            self._tokens.append((match[1], match.start(1)))
            position = match.end()
        self._next = 0

    def type(self) -> DataType:
        self._level += 1
        if self._level > limits.TYPE_LEVELS:
            raise TypeTextError(
                f"type {self._text!r} nests deeper than {limits.TYPE_LEVELS} levels"
            )
        parsed = self._type()
        self._level -= 1
        return parsed

    def _type(self) -> DataType:
        start = self._next
        word = self._take().lower()
        match word:
            case "array":
                return t.array(self._enclosed("<", self.type, ">"))
            case "map":
                self._expect("<")
                key = self.type()
                self._expect(",")
                value = self.type()
                self._expect(">")
                return t.map_of(key, value)
            case "struct":
                return t.struct(*self._enclosed("<", self._fields, ">"))
            case "uniontype":
                self._enclosed("<", self._types, ">")
                whole = self._text_since(start)
                return t.unreadable(
                    whole if len(whole) <= _SHOWN else f"{whole[:_SHOWN]}...",
                    "neither Spark nor DuckDB reads a uniontype",
                )
            case "decimal" | "dec" | "numeric":
                numbers = self._numbers()
                try:
                    return t.decimal(*numbers[:2])
                except ValueError as error:
                    raise TypeTextError(f"type {self._text!r}: {error}") from None
            case "char" | "varchar" | "character":
                numbers = self._numbers()
                if len(numbers) != 1 or numbers[0] < 1:
                    raise TypeTextError(f"type {self._text!r}: {word} needs one length, {word}(n)")
                return DataType("varchar" if word == "varchar" else "char", precision=numbers[0])
            case "timestamp":
                return self._timestamp()
            case "interval" | "interval_year_month" | "interval_day_time":
                units = []
                while self._peek() not in (None, ">", ",", ")"):
                    units.append(self._take().lower())
                units = [u for u in units if u != "to"]
                return t.interval(units[0], units[-1]) if units else t.INTERVAL
            case "variant" | "object" | "geometry" | "geography":
                return t.unreadable(word, "no engine here reads this type")
            case _ if word in _PRIMITIVES:
                return _PRIMITIVES[word]
            case _:
                raise TypeTextError(f"type {self._text!r}: {word!r} is not a type")

    def _timestamp(self) -> DataType:
        # Hive: `timestamp with local time zone`; Trino writes `timestamp(3)`.
        if self._peek() == "(":
            self._numbers()
        words = []
        while (token := self._peek()) is not None and re.fullmatch(r"[A-Za-z]+", token):
            words.append(self._take().lower())
        if words in ([], ["with", "local", "time", "zone"], ["with", "time", "zone"]):
            return t.TIMESTAMP
        if words == ["without", "time", "zone"]:
            return t.TIMESTAMP_NTZ
        raise TypeTextError(f"type {self._text!r}: unexpected {' '.join(words)!r}")

    def _types(self) -> list[DataType]:
        types = [self.type()]
        while self._peek() == ",":
            self._take()
            types.append(self.type())
        return types

    def _fields(self) -> list[tuple[str, DataType]]:
        fields: list[tuple[str, DataType]] = []
        while self._peek() not in (">", None):
            name = self._field_name()
            if self._peek() == ":":
                self._take()
            fields.append((name, self.type()))
            if (self._peek() or "").lower() == "comment":
                raise TypeTextError(f"type {self._text!r}: comments inside a type are not read")
            if self._peek() == ",":
                self._take()
        return fields

    def _field_name(self) -> str:
        token = self._take()
        if token.startswith("`"):
            return token[1:-1].replace("``", "`")
        if token in "<>(),:":
            raise TypeTextError(f"type {self._text!r}: a struct field needs a name")
        return token

    def _numbers(self) -> list[int]:
        if self._peek() != "(":
            return []
        self._take()
        numbers = []
        while (token := self._take()) != ")":
            if token != ",":
                number = whole_number(token) if is_whole(token) else None
                if number is None:
                    text = token if len(token) <= 40 else f"{token[:40]}..."
                    raise TypeTextError(f"type {self._text!r}: {text!r} is not a number")
                numbers.append(number)
        return numbers

    def _enclosed(self, opening: str, read: Callable[[], _T], closing: str) -> _T:
        self._expect(opening)
        inner = read()
        self._expect(closing)
        return inner

    def _text_since(self, start: int) -> str:
        end = self._tokens[self._next - 1]
        return self._whole[self._tokens[start][1] : end[1] + len(end[0])]

    def _peek(self) -> str | None:
        return self._tokens[self._next][0] if self._next < len(self._tokens) else None

    def _take(self) -> str:
        token = self._peek()
        if token is None:
            raise TypeTextError(f"type {self._text!r} ends too soon")
        self._next += 1
        return token

    def _expect(self, token: str) -> None:
        actual = self._take()
        if actual != token:
            raise TypeTextError(f"type {self._text!r}: expected {token!r}, found {actual!r}")

    def end(self) -> None:
        if self._peek() is not None:
            raise TypeTextError(f"type {self._text!r}: unexpected {self._peek()!r} after the type")
