"""Calls that Spark's analyser refuses: too many arguments, or of types that a function has not.

What is not certain passes: a type that Spark was not asked about, a value that is no literal.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import combinations
from typing import Final

from sqlglot import exp

from headwater.sql.functions import values
from headwater.sql.functions.table import LAMBDA, SAMPLES, UNIT, Agreement, Form, Function
from headwater.sql.typing import rules as typing
from headwater.sql.typing.rules import has_map
from headwater.types import DataType

_ALL: Final = frozenset(SAMPLES)


@dataclass(frozen=True, slots=True)
class Problem:
    """Why Spark's analyser refuses a call.

    Args:
        message: What is wrong.
        hint: What to do about it.
        code: Of the finding.
    """

    message: str
    hint: str
    code: str


def problems(
    function: Function,
    types: Sequence[DataType],
    arguments: Sequence[exp.Expr],
    *,
    name: str = "",
) -> list[Problem]:
    """Return what is wrong with the arguments of a call.

    Args:
        function: Its row.
        types: Types of its arguments.
        arguments: The arguments.
        name: What it is called in the text, where that is another name.
    """
    name = name or function.name
    if not function.forms or len(types) != len(arguments):
        return []
    if any(isinstance(a, exp.Kwarg) for a in arguments):
        return []
    forms = [f for f in function.forms if f.fits(len(types))]
    if not forms:
        hint = f"write {_call_text(function.name, function.forms[0])}"
        return [
            Problem(
                f"{name}() takes {_counts(function.forms)}, not {len(types)}",
                hint,
                code="argument-count",
            )
        ]
    per_form = [_problem(form, types, arguments) for form in forms]
    if None in per_form:
        return list(_value_problems(function, name, types, arguments))
    first = next(p for p in per_form if p is not None)
    return [replace(first, message=f"{name}() {first.message}")]


def _value_problems(
    function: Function, name: str, types: Sequence[DataType], arguments: Sequence[exp.Expr]
) -> Iterator[Problem]:
    for value in function.values:
        if value.place >= len(arguments) or value.count not in (None, len(arguments)):
            continue
        wrong = values.wrong(value.rule, arguments[value.place], types)
        if wrong:
            message = f"{name}() has {wrong} as argument {value.place + 1}"
            yield Problem(message, values.hint(value.rule), code="argument-value")


def _problem(
    form: Form, types: Sequence[DataType], arguments: Sequence[exp.Expr]
) -> Problem | None:
    """Return what is wrong with a call of a form; the function's name is left out."""
    for index, (type_, argument) in enumerate(zip(types, arguments, strict=True)):
        parameter = form.parameter(index)
        place = f"argument {index + 1}"
        if isinstance(argument, exp.Lambda):
            if LAMBDA not in parameter.takes:
                return Problem(
                    f"takes no lambda as {place}", "write a value", code="argument-types"
                )
            continue
        words = parameter.takes
        if UNIT in words:
            continue
        if not accepts(words, type_):
            message = f"takes {listed(words)} as {place}, not {type_}"
            return Problem(message, _advice(words, type_), code="argument-types")
        if parameter.only_constant and not is_constant(argument):
            hint = "write the value itself"
            return Problem(f"needs a constant as {place}", hint, code="argument-value")
    for agreement in form.agreement:
        for one, other in _pairs(agreement, types):
            if not _agree(agreement.relation, one, other):
                hint = f"cast one of them, e.g. CAST(... AS {one})"
                message = f"takes no {one} together with {other}"
                return Problem(message, hint, code="argument-types")
    return None


def _pairs(agreement: Agreement, types: Sequence[DataType]) -> Iterator[tuple[DataType, DataType]]:
    """Yield the types that have to agree; of many arguments each kind of type once."""
    if not agreement.places:
        kinds = {words_of(type_): type_ for type_ in reversed(types)}
        yield from combinations(reversed(kinds.values()), 2)
    elif agreement.places[1] < len(types):
        yield types[agreement.places[0]], types[agreement.places[1]]


def _agree(relation: Mapping[str, frozenset[str]], one: DataType, other: DataType) -> bool:
    """Whether two types agree, or it is not known."""
    if one.name == "array" and one.element.children and other.children:
        return True  # what is in arrays of arrays was not asked about
    return any(w not in relation or accepts(relation[w], other) for w in words_of(one) or ("",))


def accepts(words: frozenset[str], type_: DataType) -> bool:
    """Whether a type is among some words of the table, or may be.

    Args:
        words: Words of `SAMPLES`.
        type_: The type of an argument.
    """
    own = words_of(type_)
    return not own or not own.isdisjoint(words)


_ELEMENTS: Final = {
    **dict.fromkeys(
        ("tinyint", "smallint", "decimal"),
        ("int", "bigint", "float", "double", "decimal"),
    ),
    "timestamp_ntz": ("timestamp", "date"),
    "interval": ("seconds",),
}
"""Elements of arrays that Spark was not asked about, and those that it treats like them or better.

Whether a decimal holds another number depends on its digits: one sample says little.
"""


def words_of(type_: DataType) -> frozenset[str]:
    """Return the words that the table may have for a type; none where nothing is known of it."""
    type_ = typing.read_as(type_)
    match type_.name:
        case "interval":
            return frozenset([_interval(type_)])
        case "array":
            return frozenset(f"array<{w}>" for w in _inner_words(type_.element))
        case "map":
            exact = f"{type_.key.name}->{type_.value.name}"
            if exact in SAMPLES:
                return frozenset([exact])
            return frozenset(w for w in SAMPLES if "->" in w and _may_be_key(type_.key, w))
        case "struct":
            return frozenset(["struct<map>" if has_map(type_) else "struct"])
        case name:
            return frozenset([name]) & _ALL


def _inner_words(element: DataType) -> tuple[str, ...]:
    if element.name in ("unknown", "unreadable"):
        return tuple(w[6:-1] for w in SAMPLES if w.startswith("array<"))
    if element.name == "struct":
        names = ("struct" if len(element.children) == 2 else "struct1",)
        return ("map", *names) if has_map(element) else names
    if element.name == "array":
        return ("map", "array") if has_map(element) else ("array",)
    return _ELEMENTS.get(element.name, (element.name,))


def _may_be_key(key: DataType, word: str) -> bool:
    """Whether a map's key is that of a sample; of others each sample is looked at."""
    sample = word.partition("->")[0]
    return key.name not in ("string", "int", "void") or key.name == sample


def _interval(type_: DataType) -> str:
    if not type_.field_names:
        return "calendar"
    return "months" if set(type_.field_names) <= {"year", "month"} else "seconds"


def is_constant(node: exp.Expr) -> bool:
    """Whether an argument may be a constant to Spark: it names no column."""
    return node.find(exp.Column, exp.Subquery, exp.Select) is None


_NAMED: Final = {
    "any value": _ALL,
    "any value that has an order": _ALL
    - {w for w, t in SAMPLES.items() if "map" in t}
    - {"calendar", "variant"},
    "any value but arrays, maps and structs": frozenset(
        w for w, t in SAMPLES.items() if "<" not in t
    ),
    "number": frozenset(["tinyint", "smallint", "int", "bigint", "float", "double", "decimal"]),
    "whole number": frozenset(["tinyint", "smallint", "int", "bigint"]),
    "array": frozenset(w for w, t in SAMPLES.items() if t.startswith("array")),
    "map": frozenset(w for w, t in SAMPLES.items() if t.startswith("map")),
    "interval": frozenset(["months", "seconds"]),
}
"""Words for many types at once, for messages, those that hold others first."""
SHORT: Final = {"any value but arrays, maps and structs": "text", "any value": "any"}
_SHOWN: Final = {"months": "interval", "seconds": "interval", "calendar": "interval"}


def listed(words: frozenset[str]) -> str:
    """Return types for a person: `number, string or date`."""
    parts: list[str] = []
    rest = words - {"void", LAMBDA, UNIT}
    for name, members in _NAMED.items():
        if members - {"void"} <= rest:
            parts.append(name)
            rest -= members
    parts += sorted({_shown_type(word) for word in rest} - {*parts})
    *first, last = parts or ["NULL"]
    return f"{', '.join(first)} or {last}" if first else last


def _shown_type(word: str) -> str:
    if word in _SHOWN:
        return _SHOWN[word]
    text = SAMPLES[word]
    return text if text.startswith("array<struct") else text.replace("(12,2)", "")


_TARGETS: Final = ("int", "bigint", "double", "string", "timestamp", "date", "boolean", "binary")


def _advice(words: frozenset[str], type_: DataType) -> str:
    """Return a hint for an argument of a type that the function does not take."""
    if type_.children or type_.name == "interval" or not words & {*_TARGETS}:
        return f"give it {listed(words)}"
    numeric = type_.is_numeric or type_.name == "boolean"
    targets = _TARGETS if numeric else ("string", *_TARGETS)
    return f"cast it, e.g. CAST(... AS {next(w for w in targets if w in words)})"


def _counts(forms: Sequence[Form]) -> str:
    """Return how many arguments forms take, for a message."""
    counts = sorted({n for f in forms for n in range(f.needed, len(f.parameters) + 1)})
    if any(f.repeated for f in forms):
        return f"{counts[0]} argument{'s' * (counts[0] != 1)} or more"
    *first, last = map(str, counts)
    text = f"{', '.join(first)} or {last}" if first else last
    return f"{text} argument{'s' * (counts != [1])}"


def _call_text(name: str, form: Form) -> str:
    """Return how a function is called, for a hint."""
    words = [SHORT.get(types := listed(p.takes), types) for p in form.parameters]
    return f"{name}({', '.join(words)}{', ...' * bool(form.repeated)})"
