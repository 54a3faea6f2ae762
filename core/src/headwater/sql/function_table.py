"""The table of functions (`functions.tsv`): one row for each that a query may call.

    sum     aggregate   =sum    number|span
    lpad    scalar      =padded text, int [, text]

Columns are the name, the kind, the result, the arguments and the values. A result is a type, or `=`
and the rule of `results` that tells it. Values are rules of `call_values` that constants follow:
`2:zone` for the second argument, `2:zone/3` in calls of three. Arguments are forms, separated by
` ; `, and each is a list:

    a|b         types that are taken, or sets of them (the lines `@set` at the head)
    !a          a constant is wanted
    [, a, b]    may be left out, from the right
    a ...       the last one may be repeated; `a, b ...2` the last two
    a, b / r(1,2)   these two have to agree as the relation `r` says; `r*` each two of them
    ?           nothing is known: everything passes

A relation is a line `%name` at the head: `date: int ; timestamp: seconds|months` says what the
second may be where the first is a date, and where it is a timestamp.

The arguments are what Spark's own analyser said: `python -m tests.differential.ask_functions` asks
it and writes them; `tests/differential/test_functions.py` asks it again.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Final

FILE: Final = "functions.tsv"

SAMPLES: Final = {
    "void": "void",
    "boolean": "boolean",
    "tinyint": "tinyint",
    "smallint": "smallint",
    "int": "int",
    "bigint": "bigint",
    "float": "float",
    "double": "double",
    "decimal": "decimal(12,2)",
    "string": "string",
    "binary": "binary",
    "date": "date",
    "timestamp": "timestamp",
    "timestamp_ntz": "timestamp_ntz",
    "months": "interval year to month",
    "seconds": "interval day to second",
    "calendar": "interval",
    "variant": "variant",
    "array<void>": "array<void>",
    "array<boolean>": "array<boolean>",
    "array<int>": "array<int>",
    "array<bigint>": "array<bigint>",
    "array<float>": "array<float>",
    "array<double>": "array<double>",
    "array<decimal>": "array<decimal(12,2)>",
    "array<string>": "array<string>",
    "array<binary>": "array<binary>",
    "array<date>": "array<date>",
    "array<timestamp>": "array<timestamp>",
    "array<seconds>": "array<interval day to second>",
    "array<array>": "array<array<int>>",
    "array<map>": "array<map<string,int>>",
    "array<struct>": "array<struct<a:int,b:string>>",
    "array<struct1>": "array<struct<a:int>>",
    "string->int": "map<string,int>",
    "string->string": "map<string,string>",
    "int->string": "map<int,string>",
    "void->void": "map<void,void>",
    "struct<map>": "struct<a:map<string,int>>",
    "struct": "struct<a:int,b:string>",
}
"""The types that Spark was asked about, by the words that the table has for them."""

LAMBDA: Final = "lambda"
UNIT: Final = "unit"


@dataclass(frozen=True, slots=True)
class Parameter:
    """What one argument may be.

    Args:
        takes: The types, in the words of `SAMPLES`.
        only_constant: Whether nothing but a constant is taken.
    """

    takes: frozenset[str]
    only_constant: bool = False


@dataclass(frozen=True, slots=True)
class Agreement:
    """What two arguments may be together.

    Args:
        relation: By the first one's type, what the second may be.
        places: Which two, from 0; empty for each two of them.
    """

    relation: Mapping[str, frozenset[str]]
    places: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Form:
    """One way to call a function.

    Args:
        parameters: Its arguments.
        needed: How many of them can't be left out.
        repeated: How many of the last ones may be repeated; 0 where none.
        agreement: Two arguments that have to agree (none: each two), and the relation.
    """

    parameters: tuple[Parameter, ...]
    needed: int
    repeated: int = 0
    agreement: tuple[Agreement, ...] = ()

    def fits(self, count: int) -> bool:
        """Whether it is called with so many arguments."""
        most = len(self.parameters)
        if count <= most:
            return count >= self.needed
        return bool(self.repeated) and (count - most) % self.repeated == 0

    def parameter(self, index: int) -> Parameter:
        """What an argument may be, the repeated ones included."""
        most = len(self.parameters)
        if index < most:
            return self.parameters[index]
        return self.parameters[most - self.repeated + (index - most) % self.repeated]


@dataclass(frozen=True, slots=True)
class Value:
    """What the value of an argument has to be, where it is a constant.

    Args:
        place: Which argument, from 0.
        name: A rule of `call_values`.
        count: In calls of how many arguments; None for all.
    """

    place: int
    name: str
    count: int | None


@dataclass(frozen=True, slots=True)
class Function:
    """One row.

    Args:
        name: In lower case.
        kind: `scalar aggregate window generator table`.
        result: A type as Spark writes it, `=rule`, or empty where it is not known.
        forms: The ways to call it; empty where nothing is known of its arguments.
        values: The rules that the values of its arguments follow.
    """

    name: str
    kind: str
    result: str
    forms: tuple[Form, ...]
    values: tuple[Value, ...]


@cache
def functions() -> Mapping[str, Function]:
    """Return the table, by name."""
    text = files("headwater.sql").joinpath(FILE).read_text(encoding="utf-8")
    reader = _Reader()
    found = (reader.line(line) for line in text.splitlines() if line and line[0] != "#")
    return {f.name: f for f in found if f is not None}


def of_kind(*kinds: str) -> frozenset[str]:
    """Return the names of the functions of some kinds."""
    return frozenset(f.name for f in functions().values() if f.kind in kinds)


_AGREEMENT: Final = re.compile(r"(\w+)(?:\((\d+),(\d+)\)|\*)")


class _Reader:
    """Reads lines; sets and relations stand before what names them."""

    def __init__(self) -> None:
        self._sets = {name: frozenset([name]) for name in (*SAMPLES, LAMBDA, UNIT)}
        self._sets["any"] = frozenset(SAMPLES)
        self._relations: dict[str, Mapping[str, frozenset[str]]] = {}

    def line(self, line: str) -> Function | None:
        name, *rest = line.split("\t")
        if name.startswith("@"):
            self._sets[name[1:]] = self._words(rest[0])
        elif name.startswith("%"):
            rows = (row.split(": ") for row in rest[0].split(" ; "))
            self._relations[name[1:]] = {
                word: self._words(right) for left, right in rows for word in self._words(left)
            }
        else:
            kind, result, arguments, values = rest
            forms = () if arguments == "?" else tuple(map(self._form, arguments.split(" ; ")))
            return Function(name, kind, result, forms, tuple(map(_value, values.split())))
        return None

    def _words(self, text: str) -> frozenset[str]:
        return frozenset().union(*(self._sets[w] for w in text.split("|") if w))

    def _form(self, text: str) -> Form:
        text, _, agreement = text.partition(" / ")
        text, dots, repeated = text.partition(" ...")
        needed, _, optional = text.strip().removesuffix("]").partition("[")
        first = [p for p in needed.removeprefix("()").split(",") if p.strip()]
        rest = [p for p in optional.split(",") if p.strip()]
        return Form(
            tuple(self._parameter(p.strip()) for p in (*first, *rest)),
            needed=len(first),
            repeated=int(repeated or 1) if dots else 0,
            agreement=tuple(self._agreement(a) for a in agreement.split()),
        )

    def _parameter(self, text: str) -> Parameter:
        return Parameter(self._words(text.removeprefix("!")), text.startswith("!"))

    def _agreement(self, text: str) -> Agreement:
        match = _AGREEMENT.fullmatch(text)
        if match is None:
            raise ValueError(f"{FILE}: {text!r} names no relation")
        places = (int(match[2]) - 1, int(match[3]) - 1) if match[2] else ()
        return Agreement(self._relations[match[1]], places)


def _value(text: str) -> Value:
    place, _, rule = text.partition(":")
    name, _, count = rule.partition("/")
    return Value(int(place) - 1, name, int(count) if count else None)
