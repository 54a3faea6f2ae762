"""Higher-order functions: what their lambdas' variables are, and what comes out."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

from sqlglot import exp

from headwater import types as t
from headwater.types import UNKNOWN, DataType

if TYPE_CHECKING:
    from headwater.sql.binding.context import Context, Work
    from headwater.sql.functions.table import Function

    TypeOf = Callable[[Work, exp.Expr, Context], DataType]


def call(
    work: Work,
    function: Function,
    arguments: Sequence[exp.Expr],
    context: Context,
    type_of: TypeOf,
) -> DataType:
    """Type a call that has lambdas among its arguments.

    Example: `SELECT transform(a, x -> x * 2.5D) AS v FROM t` -> `v array<double>`
    """
    plain = [type_of(work, a, context) for a in arguments if not isinstance(a, exp.Lambda)]
    bodies = [a for a in arguments if isinstance(a, exp.Lambda)]

    def body(index: int, *variables: DataType) -> DataType:
        if index >= len(bodies):
            return UNKNOWN
        return _body(work, bodies[index], variables, context, type_of)

    rule = RULES.get(function.entry("lambdas"))
    result = rule(_Applied(plain, body, len(bodies))) if rule is not None else UNKNOWN
    for index in range(len(bodies)):
        if id(bodies[index]) not in work.types:
            body(index)
    return result


def _body(
    work: Work,
    node: exp.Lambda,
    variables: Sequence[DataType],
    context: Context,
    type_of: TypeOf,
) -> DataType:
    names = [v.name.casefold() for v in node.expressions]
    types = dict(zip(names, [*variables, *[UNKNOWN] * len(names)], strict=False))
    for variable in node.expressions:
        work.typed(variable, types[variable.name.casefold()])
    inner = replace(context, variables={**context.variables, **types})
    return work.typed(node, type_of(work, node.this, inner))


def _array(element: DataType) -> DataType:
    return t.array(element) if element.name != "unknown" else UNKNOWN


def _map(key: DataType, value: DataType) -> DataType:
    return t.map_of(key, value) if "unknown" not in (key.name, value.name) else UNKNOWN


@dataclass(frozen=True, slots=True)
class _Applied:
    """A function and its lambdas: the arguments that are none, and `body`, which types one.

    Args:
        plain: Types of the arguments that are no lambdas.
        body: Types a lambda, given its number and its variables.
        bodies: How many lambdas there are.
    """

    plain: Sequence[DataType]
    body: Callable[..., DataType]
    bodies: int

    def argument(self, index: int) -> DataType:
        return self.plain[index] if index < len(self.plain) else UNKNOWN

    def element(self, index: int = 0) -> DataType:
        """Type of the elements of an array."""
        own = self.argument(index)
        return own.element if own.name == "array" else UNKNOWN

    def entry(self, index: int = 0) -> tuple[DataType, DataType]:
        """Types of a map's keys and values."""
        own = self.argument(index)
        return (own.key, own.value) if own.name == "map" else (UNKNOWN, UNKNOWN)


def _filtered(of: _Applied) -> DataType:
    of.body(0, of.element(), t.INT)
    return of.argument(0)


def _sorted(of: _Applied) -> DataType:
    of.body(0, of.element(), of.element())
    return of.argument(0)


def _tested(of: _Applied) -> DataType:
    of.body(0, of.element())
    return t.BOOLEAN


def _aggregated(of: _Applied) -> DataType:
    start = of.argument(1)
    of.body(0, start, of.element())
    return of.body(1, start) if of.bodies > 1 else start


def _map_filtered(of: _Applied) -> DataType:
    of.body(0, *of.entry())
    return of.argument(0)


def _maps_zipped(of: _Applied) -> DataType:
    key, value = of.entry()
    return _map(key, of.body(0, key, value, of.entry(1)[1]))


RULES: Final[dict[str, Callable[[_Applied], DataType]]] = {
    "transformed": lambda of: _array(of.body(0, of.element(), t.INT)),
    "filtered": _filtered,
    "sorted": _sorted,
    "tested": _tested,
    "aggregated": _aggregated,
    "zipped": lambda of: _array(of.body(0, of.element(), of.element(1))),
    "map-filtered": _map_filtered,
    "keys-transformed": lambda of: _map(of.body(0, *of.entry()), of.entry()[1]),
    "values-transformed": lambda of: _map(of.entry()[0], of.body(0, *of.entry())),
    "maps-zipped": _maps_zipped,
}
"""Rules for calls with lambdas, by the names that the table of functions has for them."""
