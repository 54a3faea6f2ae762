"""The functions that carry over from Trino to Spark: how each is written, on what equality rests.

`FUNCTIONS` is the list. A function that is not on it is refused by name; `REFUSED` gives reasons
for those that people miss most.

Source: Trino documentation, "Functions and operators"; Apache Spark, "Built-in Functions".
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

from sqlglot import exp

from headwater import types as t
from headwater.diagnostics import did_you_mean
from headwater_glue.query.athena import moments
from headwater_glue.query.athena.values import (
    Typed,
    UntranslatableError,
    common,
    refuse,
    string_literal,
)

Translate = Callable[[Sequence[Typed], exp.Expr], Typed]


@dataclass(frozen=True, slots=True)
class Function:
    """A function that carries over.

    Args:
        name: Trino's name.
        arguments: What it takes, one word each, e.g. `text`, `number?` (may be left out), `any*`.
        translate: Writes a call for Spark.
        rests_on: Under which condition the two give the same; `nothing` if always.
    """

    name: str
    arguments: tuple[str, ...]
    translate: Translate
    rests_on: str = "nothing"


def call(name: str, arguments: Sequence[Typed], node: exp.Expr) -> Typed:
    """Return a call of one of Trino's functions.

    Raises:
        UntranslatableError: If the function is not on the list, or not for these arguments.
    """
    function = _BY_NAME.get(name)
    if function is None:
        why = REFUSED.get(name)
        if why:
            refuse(node, f"{name}(): {why}")
        guess = did_you_mean(name, _BY_NAME)
        hint = f"; {guess}" if guess else ""
        refuse(node, f"{name}() is not among the functions that do{hint}")
    _check(function, arguments, node)
    return function.translate(arguments, node)


# What Java's Character.isWhitespace says, which Trino's trim goes by; Spark's knows only the blank.
_BLANKS: Final = "".join(
    map(chr, [*range(0x09, 0x0E), *range(0x1C, 0x21), 0x1680, *range(0x2000, 0x2007),
              *range(0x2008, 0x200B), 0x2028, 0x2029, 0x205F, 0x3000])
)  # fmt: skip


def _renamed_call(spark: str, type_: t.DataType) -> Translate:
    def translate(arguments: Sequence[Typed], node: exp.Expr) -> Typed:
        return Typed(f"{spark}({', '.join(a.text for a in arguments)})", type_)

    return translate


def _bigint(spark: str) -> Translate:
    """Trino counts in bigint where Spark counts in int."""

    def translate(arguments: Sequence[Typed], node: exp.Expr) -> Typed:
        return Typed(f"CAST({spark.format(*(a.text for a in arguments))} AS bigint)", t.BIGINT)

    return translate


def _trim(where: str) -> Translate:
    def translate(arguments: Sequence[Typed], node: exp.Expr) -> Typed:
        blanks = string_literal(_BLANKS, node)
        return Typed(f"trim({where} {blanks} FROM {arguments[0].text})", t.STRING)

    return translate


def _substring(arguments: Sequence[Typed], node: exp.Expr) -> Typed:
    bounds = [a.literal for a in arguments[1:]]
    if not all(b is not None and re.fullmatch("[0-9]+", b) for b in bounds) or bounds[0] == "0":
        refuse(node, "substr() with a start or length that is not a positive literal")
    return Typed(f"substring({', '.join(a.text for a in arguments)})", t.STRING)


def _replace(arguments: Sequence[Typed], node: exp.Expr) -> Typed:
    if not arguments[1].literal:
        refuse(node, "replace() of what is not a literal, or of nothing")
    texts = [a.text for a in arguments] + (["''"] if len(arguments) == 2 else [])
    return Typed(f"replace({', '.join(texts)})", t.STRING)


def _strpos(arguments: Sequence[Typed], node: exp.Expr) -> Typed:
    if not arguments[1].literal:
        refuse(node, "strpos() of what is not a literal, or of nothing")
    return Typed(f"CAST(instr({arguments[0].text}, {arguments[1].text}) AS bigint)", t.BIGINT)


def _choice(spark: str) -> Translate:
    def translate(arguments: Sequence[Typed], node: exp.Expr) -> Typed:
        type_ = _one_type(arguments, node)
        return Typed(f"{spark}({', '.join(a.cast(type_).text for a in arguments)})", type_)

    return translate


def _nullif(arguments: Sequence[Typed], node: exp.Expr) -> Typed:
    value, other = arguments
    if value.may_be_nan and other.may_be_nan:
        refuse(node, "nullif() of two floating numbers, in which NaN may turn up")
    if common(value.type, other.type) is None:
        refuse(node, f"nullif() of {value.type} and {other.type}")
    return Typed(f"nullif({value.text}, {other.text})", value.type)


def _if(arguments: Sequence[Typed], node: exp.Expr) -> Typed:
    type_ = _one_type(arguments[1:], node)
    chosen = [a.cast(type_).text for a in arguments[1:]]
    otherwise = chosen[1] if len(chosen) == 2 else "NULL"
    return Typed(f"IF({arguments[0].text}, {chosen[0]}, {otherwise})", type_)


def _same_type(spark: str) -> Translate:
    def translate(arguments: Sequence[Typed], node: exp.Expr) -> Typed:
        return Typed(f"{spark}({arguments[0].text})", arguments[0].type)

    return translate


def _is_nan(arguments: Sequence[Typed], node: exp.Expr) -> Typed:
    value = arguments[0].text
    return Typed(f"(CASE WHEN {value} IS NOT NULL THEN isnan({value}) END)", t.BOOLEAN)


def _split_part(arguments: Sequence[Typed], node: exp.Expr) -> Typed:
    text, delimiter, index = arguments
    if not delimiter.literal or not re.fullmatch("[1-9][0-9]*", index.literal or ""):
        refuse(node, "split_part() with a delimiter or index that is not a literal")
    pattern = string_literal(re.sub(r"([^A-Za-z0-9 _])", r"\\\1", delimiter.literal), node)
    return Typed(f"try_element_at(split({text.text}, {pattern}, -1), {index.text})", t.STRING)


def _element_at(arguments: Sequence[Typed], node: exp.Expr) -> Typed:
    value, key = arguments
    if value.type.name == "map" and common(value.type.key, key.type) == value.type.key:
        return Typed(f"try_element_at({value.text}, {key.text})", value.type.value)
    if value.type.name == "array" and re.fullmatch("[1-9][0-9]*", key.literal or ""):
        return Typed(f"try_element_at({value.text}, {key.text})", value.type.element)
    raise UntranslatableError(node, f"element_at() of {value.type} by {key.type}")


def _cardinality(arguments: Sequence[Typed], node: exp.Expr) -> Typed:
    if arguments[0].type.name not in ("array", "map"):
        refuse(node, f"cardinality() of {arguments[0].type}")
    return Typed(f"CAST(size({arguments[0].text}) AS bigint)", t.BIGINT)


def _one_type(arguments: Sequence[Typed], node: exp.Expr) -> t.DataType:
    joint = t.VOID
    for value in arguments:
        joined = common(joint, value.type)
        if joined is None:
            refuse(node, f"a choice between {joint} and {value.type}")
        joint = joined
    return joint


_ONE_TO_ONE: Final = "letters whose other case is one letter (not the sharp s, dotted I ...)"

FUNCTIONS: Final = (
    Function("lower", ("text",), _renamed_call("lower", t.STRING), _ONE_TO_ONE),
    Function("upper", ("text",), _renamed_call("upper", t.STRING), _ONE_TO_ONE),
    Function("length", ("text",), _bigint("length({0})")),
    Function("trim", ("text",), _trim("BOTH")),
    Function("ltrim", ("text",), _trim("LEADING")),
    Function("rtrim", ("text",), _trim("TRAILING")),
    Function("substr", ("text", "integer", "integer?"), _substring, "positive literals"),
    Function("substring", ("text", "integer", "integer?"), _substring, "positive literals"),
    Function("replace", ("text", "text", "text?"), _replace, "a literal to be replaced"),
    Function("concat", ("text", "text*"), _renamed_call("concat", t.STRING)),
    Function("strpos", ("text", "text"), _strpos, "a literal to be found"),
    Function("starts_with", ("text", "text"), _renamed_call("startswith", t.BOOLEAN)),
    Function("split_part", ("text", "text", "integer"), _split_part, "literals"),
    Function("coalesce", ("any", "any*"), _choice("coalesce")),
    Function("nullif", ("any", "any"), _nullif),
    Function("if", ("boolean", "any", "any?"), _if),
    Function("abs", ("number",), _same_type("abs")),
    Function("is_nan", ("number",), _is_nan),
    Function("date", ("time",), moments.date),
    Function("date_trunc", ("text", "time"), moments.date_trunc),
    Function("date_add", ("text", "integer", "time"), moments.date_add),
    Function("date_diff", ("text", "time", "time"), moments.date_diff),
    Function("date_format", ("time", "text"), moments.date_format, "numbers: %Y %m %d %H %i %s"),
    *(
        Function(name, ("time",), _bigint(spark))
        for name, spark in {
            "year": "year({0})",
            "quarter": "quarter({0})",
            "month": "month({0})",
            "week": "weekofyear({0})",
            "week_of_year": "weekofyear({0})",
            "day": "day({0})",
            "day_of_month": "day({0})",
            "day_of_week": "(weekday({0}) + 1)",
            "dow": "(weekday({0}) + 1)",
            "day_of_year": "dayofyear({0})",
            "doy": "dayofyear({0})",
            "hour": "hour({0})",
            "minute": "minute({0})",
            "second": "second({0})",
        }.items()
    ),
    Function("element_at", ("any", "any"), _element_at),
    Function("cardinality", ("any",), _cardinality),
)  # fmt: skip
"""Every scalar function that carries over."""

_REGEX: Final = "Trino's regular expressions are not Spark's"
_JSON: Final = "the engines give other texts for numbers, nested values and malformed JSON"
_APPROXIMATE: Final = "it is approximate, by another algorithm in each engine"
_LAST_BITS: Final = "the engines differ in the last bits"

REFUSED: Final = {
    **dict.fromkeys(("regexp_like", "regexp_extract", "regexp_replace", "regexp_count"), _REGEX),
    **dict.fromkeys(("json_extract", "json_extract_scalar", "json_parse", "json_format"), _JSON),
    **dict.fromkeys(("approx_distinct", "approx_percentile", "approx_set"), _APPROXIMATE),
    **dict.fromkeys(
        ("exp", "ln", "log", "log2", "log10", "power", "pow", "sin", "cos"), _LAST_BITS
    ),
    "round": "of a floating number the engines round differently; write CAST(... AS decimal)",
    "greatest": "Trino answers NULL if any value is NULL, Spark skips NULLs",
    "least": "Trino answers NULL if any value is NULL, Spark skips NULLs",
    "now": "it is a timestamp with a zone, and differs on each read",
    "from_unixtime": "it is a timestamp with a zone",
    "date_parse": "it is lenient in other ways than Spark",
    "random": "it differs on each read",
    "rand": "it differs on each read",
    "uuid": "it differs on each read",
    "typeof": "the engines name types differently",
}
"""Functions that people will miss, and why they are not on the list."""

_BY_NAME: Final = {f.name: f for f in FUNCTIONS}

_KINDS: Final[dict[str, Callable[[t.DataType], bool]]] = {
    "any": lambda type_: True,
    "text": lambda type_: type_.is_text and type_.name != "char",
    "number": lambda type_: type_.is_numeric,
    "integer": lambda type_: type_.is_integer,
    "boolean": lambda type_: type_ == t.BOOLEAN,
    "time": lambda type_: type_.name in ("date", "timestamp"),
}


def _check(function: Function, arguments: Sequence[Typed], node: exp.Expr) -> None:
    """Refuse a call with other arguments than those listed for the function."""
    least = sum(1 for a in function.arguments if a[-1] not in "?*")
    most = None if function.arguments[-1].endswith("*") else len(function.arguments)
    if len(arguments) < least or (most is not None and len(arguments) > most):
        refuse(node, f"{function.name}() of {len(arguments)} arguments")
    for index, value in enumerate(arguments):
        kind = function.arguments[min(index, len(function.arguments) - 1)].rstrip("?*")
        if value.type != t.VOID and not _KINDS[kind](value.type):
            refuse(node, f"{function.name}() of {value.type}")
