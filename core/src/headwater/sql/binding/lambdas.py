"""Higher-order functions: what their lambdas' variables are, and what comes out."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from sqlglot import exp

from headwater import types as t
from headwater.types import UNKNOWN, DataType

if TYPE_CHECKING:
    from headwater.sql.binding.context import Context, Work

    TypeOf = Callable[[Work, exp.Expr, Context], DataType]


def call(
    work: Work, name: str, arguments: Sequence[exp.Expr], context: Context, type_of: TypeOf
) -> DataType:
    """Type a call that has lambdas among its arguments."""
    plain = [type_of(work, a, context) for a in arguments if not isinstance(a, exp.Lambda)]
    bodies = [a for a in arguments if isinstance(a, exp.Lambda)]

    def body(index: int, *variables: DataType) -> DataType:
        if index >= len(bodies):
            return UNKNOWN
        return _body(work, bodies[index], variables, context, type_of)

    result = _typed(name, plain, body, len(bodies))
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
    known = dict(zip(names, [*variables, *[UNKNOWN] * len(names)], strict=False))
    for variable in node.expressions:
        work.typed(variable, known[variable.name.casefold()])
    inner = replace(context, variables={**context.variables, **known})
    return work.typed(node, type_of(work, node.this, inner))


def _typed(
    name: str, plain: Sequence[DataType], body: Callable[..., DataType], bodies: int
) -> DataType:
    container = plain[0] if plain else UNKNOWN
    element = container.element if container.name == "array" else UNKNOWN
    key, value = (container.key, container.value) if container.name == "map" else (UNKNOWN, UNKNOWN)
    match name:
        case "transform":
            return _array(body(0, element, t.INT))
        case "filter" | "array_sort":
            second = element if name == "array_sort" else t.INT
            body(0, element, second)
            return container
        case "exists" | "forall":
            body(0, element)
            return t.BOOLEAN
        case "aggregate" | "reduce":
            start = plain[1] if len(plain) > 1 else UNKNOWN
            body(0, start, element)
            return body(1, start) if bodies > 1 else start
        case "zip_with":
            other = plain[1].element if len(plain) > 1 and plain[1].name == "array" else UNKNOWN
            return _array(body(0, element, other))
        case "map_filter":
            body(0, key, value)
            return container
        case "transform_keys":
            return _map(body(0, key, value), value)
        case "transform_values":
            return _map(key, body(0, key, value))
        case "map_zip_with":
            other = plain[1].value if len(plain) > 1 and plain[1].name == "map" else UNKNOWN
            return _map(key, body(0, key, value, other))
        case _:
            return UNKNOWN


def _array(element: DataType) -> DataType:
    return t.array(element) if element.name != "unknown" else UNKNOWN


def _map(key: DataType, value: DataType) -> DataType:
    return t.map_of(key, value) if "unknown" not in (key.name, value.name) else UNKNOWN
