"""The rows of `functions.txt`, which says what stands in them."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache, cached_property
from importlib.resources import files
from typing import Final

FILE: Final = "functions.txt"

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
        rule: A rule of `values`.
        count: In calls of how many arguments; None for all.
    """

    place: int
    rule: str
    count: int | None


@dataclass(frozen=True)
class Function:
    """One row, its entries read when they are asked for.

    Args:
        name: In lower case.
        kind: `scalar aggregate window generator table refused`.
        entries: What stands in the row, by the entry's name.
    """

    name: str
    kind: str
    entries: Mapping[str, tuple[str, ...]] = field(repr=False)

    def entry(self, name: str) -> str:
        """Return what one entry says; empty where the row has none."""
        lines = self.entries.get(name)
        return lines[0] if lines else ""

    @cached_property
    def forms(self) -> tuple[Form, ...]:
        """The ways to call it; empty where nothing is known of its arguments."""
        return tuple(_form(f) for f in self.entry("takes").split(" ; ") if f)

    @cached_property
    def values(self) -> tuple[Value, ...]:
        """The rules that the values of its arguments follow."""
        return tuple(map(_value, self.entry("values").split()))

    @property
    def result(self) -> str:
        """A type as Spark writes it, `=rule`, or empty where it is not known."""
        return self.entry("gives")

    @property
    def rule(self) -> str:
        """The rule that writes it for DuckDB; empty where none does."""
        return self.entry("duckdb")[1:] if self.entry("duckdb").startswith("=") else ""

    @property
    def equals(self) -> tuple[str, ...]:
        """What equals it on DuckDB, a line for each list of types."""
        return tuple(line for line in self.entries.get("duckdb", ()) if line[0] == "(")

    @property
    def takes_unit(self) -> bool:
        """Whether the keyword of a unit may stand as the first argument of three."""
        return any(UNIT in f.parameters[0].takes for f in self.forms if len(f.parameters) == 3)

    @property
    def is_cast(self) -> bool:
        """Whether a call of one argument is a cast to the type of its name."""
        return "1: {0}" in self.entry("written")

    @property
    def order(self) -> str:
        """What an order of rows that is not promised does to it: a word of the table."""
        return self.entry("order")

    @property
    def varies(self) -> str:
        """Whether it may answer differently at each read: a word of the table, or empty."""
        return self.entry("varies")

    def may_vary(self, arguments: int) -> bool:
        """Return whether a call of it may answer differently at each read.

        Args:
            arguments: How many the call has.
        """
        return bool(self.varies) and not (self.varies == "bare" and arguments)

    @property
    def seed(self) -> int | None:
        """The place of its seed, from 0."""
        word, _, place = self.varies.partition(" ")
        return int(place) - 1 if word == "seed" else None


@dataclass(frozen=True, slots=True)
class _Table:
    """What the file says."""

    rows: Mapping[str, Function]
    sets: Mapping[str, str]
    relations: Mapping[str, str]


@cache
def _table() -> _Table:
    text = files(__package__).joinpath(FILE).read_text(encoding="utf-8")
    rows: dict[str, tuple[str, dict[str, tuple[str, ...]]]] = {}
    heads: dict[str, dict[str, str]] = {"@": {}, "%": {}}
    entries: dict[str, tuple[str, ...]] = {}
    for line in text.splitlines():
        if line.startswith("    "):
            word, _, rest = line.strip().partition(" ")
            entries[word] = (*entries.get(word, ()), rest.lstrip())
        elif line[:1] in heads:
            name, _, rest = line[1:].partition(" = ")
            heads[line[0]][name] = rest
        elif line and line[0] != "#":
            name, _, kind = line.partition(": ")
            entries = {}
            rows[name] = kind, entries
    for name, (kind, own) in rows.items():
        if "alias" in own:
            both = {**rows[own["alias"][0]][1], **own}
            rows[name] = kind, {k: v for k, v in both.items() if v != ("-",)}
    by_name = {name: Function(name, kind, own) for name, (kind, own) in rows.items()}
    return _Table(by_name, heads["@"], heads["%"])


@cache
def functions() -> Mapping[str, Function]:
    """Return the rows of all functions that are admitted, by name."""
    return {name: f for name, f in _table().rows.items() if f.kind != "refused"}


@cache
def refused() -> Mapping[str, str]:
    """Return why names are refused that have a reason of their own; `name*` is how some begin."""
    rows = _table().rows.values()
    return {f.name: f.entry("why") for f in rows if f.kind == "refused"}


_AGREEMENT: Final = re.compile(r"(\w+)(?:\((\d+),(\d+)\)|\*)")


@cache
def _words(text: str) -> frozenset[str]:
    """Return what a list of types and sets stands for."""
    if "|" in text:
        return frozenset().union(*map(_words, text.split("|")))
    if text in SAMPLES or text in (LAMBDA, UNIT):
        return frozenset([text])
    return _words(_table().sets[text])


@cache
def _relation(name: str) -> Mapping[str, frozenset[str]]:
    rows = (row.split(": ") for row in _table().relations[name].split(" ; "))
    return {word: _words(right) for left, right in rows for word in _words(left)}


def _form(text: str) -> Form:
    text, _, agreement = text.partition(" / ")
    text, dots, repeated = text.partition(" ...")
    needed, _, optional = text.strip().removesuffix("]").partition("[")
    first = [p.strip() for p in needed.removeprefix("()").split(",") if p.strip()]
    rest = [p.strip() for p in optional.split(",") if p.strip()]
    return Form(
        tuple(Parameter(_words(p.removeprefix("!")), p.startswith("!")) for p in (*first, *rest)),
        needed=len(first),
        repeated=int(repeated or 1) if dots else 0,
        agreement=tuple(map(_agreement, agreement.split())),
    )


def _agreement(text: str) -> Agreement:
    match = _AGREEMENT.fullmatch(text)
    if match is None:
        raise ValueError(f"{FILE}: {text!r} names no relation")
    places = (int(match[2]) - 1, int(match[3]) - 1) if match[2] else ()
    return Agreement(_relation(match[1]), places)


def _value(text: str) -> Value:
    place, _, rule = text.partition(":")
    name, _, count = rule.partition("/")
    return Value(int(place) - 1, name, int(count) if count else None)
