"""`lower`, `upper` and `initcap` as Spark makes them: with ICU's maps, and the final sigma.

DuckDB maps each character to one, by an older Unicode. The characters that Spark maps to others, or
to several (`ß` to `SS`), stand in `case_maps.txt` and are replaced first.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from importlib.resources import files
from typing import TYPE_CHECKING, Final

from sqlglot import exp

from headwater import types as t
from headwater.sql.analysis import Analysis, Scope
from headwater.sql.functions import called
from headwater.sql.portable import casts
from headwater.sql.portable.pieces import Piece, Refusal, made, refuse_unless
from headwater.sql.portable.raising import not_portable
from headwater.sql.portable.spelling import text
from headwater.types import DataType

if TYPE_CHECKING:
    from headwater.sql.portable.expressions import Expressions

_RULES: Final = ("upper", "lower")
_CASED: Final = "A-Za-zÀ-ÖØ-öø-ƺǄ-ʓΆΈ-ΊΌΎ-ΡΣ-ώА-ҁ"
_UNCASED: Final = '\\t\\n\\r !"#$%&()*+,\\-/0-9;<=>?@\\[\\\\\\]_{|}~«»¡¿§°±…“”„€一-鿿'
"""Characters that certainly have a case, and those that certainly end a word for it.

The others, apostrophes and full stops above all, a sigma looks across.
"""
_WIDTH: Final = 3
"""Characters that one becomes, at most."""


def upper(e: Expressions, node: exp.Expr) -> Piece:
    """Return `upper(text)`.

    Example: `upper(s)` -> `CASE WHEN strlen("s") = length("s") THEN upper("s") ... END`
    """
    value = _text("upper", [e.piece(x) for x in _arguments(e, node)])
    sql = (
        f"CASE WHEN {_is_ascii(value.sql)} THEN upper({value.sql}) "
        f"WHEN sp_odd_upper({value.sql}) THEN upper(sp_mapped_upper({value.sql})) "
        f"ELSE upper(replace({value.sql}, 'ß', 'SS')) END"
    )
    return made(sql, t.STRING, [value])


def lower(e: Expressions, node: exp.Expr) -> Piece:
    """Return `lower(text)`; a sigma beside characters that may or may not end a word raises."""
    value = _text("lower", [e.piece(x) for x in _arguments(e, node)])
    other = f"lower(sp_mapped_lower(sp_final_sigmas({value.sql})))"
    sql = (
        f"CASE WHEN {_is_ascii(value.sql)} THEN lower({value.sql}) "
        f"WHEN sp_unclear_sigma({value.sql}) THEN {_unclear('lower', t.STRING)} "
        f"WHEN sp_odd_lower({value.sql}) THEN {other} ELSE lower({value.sql}) END"
    )
    return made(sql, t.STRING, [value], declines=True)


def _arguments(e: Expressions, node: exp.Expr) -> list[exp.Expr]:
    """Return what is left of the arguments: of `lower(upper(x))` Spark makes `lower(x)`.

    That gives another text where `upper` makes two characters of one. A subquery between the two
    may be merged away first, or not: that is refused.
    """
    rule, arguments = called(node).rule, list(node.expressions)
    while len(arguments) == 1 and called(inner := arguments[0].unnest()).rule in _RULES:
        arguments = list(inner.expressions)
    other = next(r for r in _RULES if r != rule)
    for argument in arguments:
        if any(called(x).rule == other for x in _within(e.analysis, argument)):
            raise Refusal(
                f"{rule}() of a text that {other}() made further in: Spark may leave that out",
                hint=f"leave out one of the two: {rule}() decides",
            )
    return arguments


def _within(analysis: Analysis, *nodes: exp.Expr) -> Iterator[exp.Expr]:
    """Yield the nodes of expressions, and of those that their columns stand for in subqueries."""
    todo, visited = list(nodes), set()
    while todo:
        for node in todo.pop().walk():
            if id(node) in visited:
                continue
            visited.add(id(node))
            yield node
            if (named := analysis.alias_of(node)) is not None and named.node is not None:
                todo.append(named.node)
            if (binding := analysis.binding_of(node)) is not None:
                source = binding.scope.sources.get(binding.source)
                todo += _outputs(source, binding.column) if isinstance(source, Scope) else ()


def _outputs(scope: Scope, column: str) -> Iterator[exp.Expr]:
    """Yield what gives a column of a query, in each side of a set operation."""
    for index, output in enumerate(scope.outputs):
        if output.name.casefold() != column.casefold():
            continue
        if output.node is not None:
            yield output.node
        if output.node is None and output.origin is not None:
            inner = output.origin.scope.sources.get(output.origin.source)
            yield from _outputs(inner, output.origin.column) if isinstance(inner, Scope) else ()
        for branch in scope.branches:
            branch_output = branch.outputs[index] if index < len(branch.outputs) else None
            if branch_output is not None:
                yield from _outputs(branch, branch_output.name)


def initcap(arguments: list[Piece], type_: DataType) -> Piece:
    """Return `initcap(text)`: only spaces part words, and the first character gets its title case.

    Example: `initcap('o-NEIL ﬁX')` is `O-neil Fix`
    """
    value = _text("initcap", arguments)
    rest = f"lower(CASE WHEN {_is_ascii('w[2:]')} THEN w[2:] ELSE sp_mapped_lower(w[2:]) END)"
    words = f"string_split(sp_final_sigmas({value.sql}), ' ')"
    capitals = f"list_transform({words}, lambda w: sp_title(w[1]) || {rest})"
    sql = (
        f"CASE WHEN sp_unclear_sigma({value.sql}) THEN {_unclear('initcap', type_)} "
        f"ELSE array_to_string({capitals}, ' ') END"
    )
    return made(sql, type_, [value], declines=True)


def _text(name: str, arguments: list[Piece]) -> Piece:
    refuse_unless(len(arguments) == 1, f"{name}() takes one argument")
    refuse_unless(arguments[0].type != t.BINARY, f"{name}(binary)")
    return casts.cast(arguments[0], t.STRING)


def _is_ascii(sql: str) -> str:
    return f"strlen({sql}) = length({sql})"


def _unclear(name: str, type_: DataType) -> str:
    return not_portable(f"{name}() of a text with a sigma that may or may not end a word", type_)


def macros() -> Iterator[str]:
    """Yield CREATE MACRO statements for what the maps say; each takes its text once."""
    cased_or_uncased = f"[^{_CASED}{_UNCASED}]"
    ends = f"([{_CASED}])Σ([{_UNCASED}]|\\z)"
    title, titles = _maps("title")
    has_title = f"strpos({text(title)}, s) > 0 AND s <> ''"
    titled = f"CASE WHEN {has_title} THEN {_looked_up('s', title, titles)} ELSE upper(s) END"
    for name, body in (
        (
            "sp_unclear_sigma",
            f"regexp_matches(s, {text(f'{cased_or_uncased}Σ|Σ{cased_or_uncased}')})",
        ),
        ("sp_final_sigmas", f"regexp_replace(s, {text(ends)}, '\\1ς\\2', 'g')"),
        ("sp_odd_upper", f"regexp_matches(s, {text(_class('upper', without='ß'))})"),
        ("sp_odd_lower", f"regexp_matches(s, {text(_class('lower', more='Σ'))})"),
        ("sp_mapped_upper", _mapped("upper")),
        ("sp_mapped_lower", _mapped("lower")),
        ("sp_title", titled),
    ):
        yield f"CREATE OR REPLACE MACRO {name}(s) AS {body}"


def _mapped(kind: str) -> str:
    keys, values = _maps(kind)
    one = f"CASE WHEN strpos({text(keys)}, c) = 0 THEN c ELSE {_looked_up('c', keys, values)} END"
    return f"array_to_string(list_transform(regexp_extract_all(s, '(?s).'), lambda c: {one}), '')"


def _looked_up(character: str, keys: str, values: str) -> str:
    place = f"strpos({text(keys)}, {character}) * {_WIDTH} - {_WIDTH - 1}"
    return f"rtrim(substring({text(values)}, {place}, {_WIDTH}), ' ')"


def _class(kind: str, *, more: str = "", without: str = "") -> str:
    keys = _maps(kind)[0]
    return f"[{''.join(c for c in keys if c not in without)}{more}]"


@cache
def _maps(kind: str) -> tuple[str, str]:
    """Return the characters that a kind of mapping replaces, and by what, each in equal width."""
    source = (files("headwater.sql.portable") / "case_maps.txt").read_text(encoding="utf-8")
    keys, values, current = [], [], ""
    for line in source.splitlines():
        if line.startswith("#"):
            continue
        if not line.startswith(" "):
            current = line
        elif current == kind:
            keys += [entry[0] for entry in line.split()]
            values += [entry[1:].ljust(_WIDTH) for entry in line.split()]
    return "".join(keys), "".join(values)
