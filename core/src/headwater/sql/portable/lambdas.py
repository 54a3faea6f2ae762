"""Higher-order functions of arrays, as transform, filter and aggregate, and those of maps."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Final

from sqlglot import exp

from headwater import types as t
from headwater.sql.functions import is_aggregate, name_of
from headwater.sql.portable import containers
from headwater.sql.portable.comparing import widened
from headwater.sql.portable.pieces import Piece, Refusal, made, refuse_unless
from headwater.sql.portable.raising import not_portable
from headwater.sql.portable.spelling import cast, null, text
from headwater.types import DataType

if TYPE_CHECKING:
    from headwater.sql.portable.expressions import Expressions

_Builder = Callable[["Expressions", Piece, exp.Expr], Piece]

_MOST_COMPARED: Final = 300
"""Elements up to which each is compared with each."""


def _form(word: str) -> Callable[[Expressions, exp.Expr], Piece | None]:
    """Return the rule for calls of a higher-order function; without a lambda it gives None."""

    def form(e: Expressions, node: exp.Expr) -> Piece | None:
        if not any(isinstance(a, exp.Lambda) for a in node.expressions):
            return None
        name, (items, *rest) = name_of(node), node.expressions
        for lambda_ in rest:
            names = [p.name.casefold() for p in lambda_.expressions]
            once = not isinstance(lambda_, exp.Lambda) or len(set(names)) == len(names)
            refuse_unless(once, "a lambda with a parameter twice: Spark refuses it", lambda_)
        array = e.piece(items)
        refuse_unless(array.type.name == "array", f"{name}({array.type}, ...)", node)
        if word == "aggregate":
            return _aggregate(e, node, array, rest)
        if word == "sorted":
            return _sorted(e, node, array, rest)
        single = len(rest) == 1 and isinstance(rest[0], exp.Lambda)
        refuse_unless(single, f"{name}() of other arguments", node)
        return _BUILDERS[word](e, array, rest[0])

    return form


def _body(
    e: Expressions, lambda_: exp.Expr, types: Sequence[DataType], spelled: Sequence[str]
) -> tuple[str, Piece]:
    """Return a lambda's parameters, as DuckDB names them, and its compiled body."""
    names = [p.name.casefold() for p in lambda_.expressions]
    refuse_unless(1 <= len(names) <= len(types), "a lambda of other parameters", lambda_)
    own = [f"v{len(e.variables) + i}" for i in range(len(names))]
    given = zip(own, types, spelled, strict=False)
    return ", ".join(own), _with(e, lambda_, [Piece(s.format(new), x) for new, x, s in given])


def _with(e: Expressions, lambda_: exp.Expr, given: Sequence[Piece]) -> Piece:
    """Return a lambda's body, compiled with what stands for each of its parameters."""
    depth = len(e.variables)
    names = (p.name.casefold() for p in lambda_.expressions)
    e.variables += zip(names, given, strict=True)
    try:
        return e.piece(lambda_.this)
    finally:
        del e.variables[depth:]


def _captures(lambda_: exp.Expr) -> bool:
    """Return whether a lambda uses columns, or variables of a lambda around it."""
    own = {p.name.casefold() for x in lambda_.find_all(exp.Lambda) for p in x.expressions}
    for node in lambda_.this.walk():
        if isinstance(node, exp.Query):
            return True
        if isinstance(node, exp.Column):
            name = node.parts[0].name
        elif isinstance(node, exp.Identifier) and _is_value(node):
            name = node.name
        else:
            continue
        if name.casefold() not in own:
            return True
    return False


def _is_value(node: exp.Identifier) -> bool:
    """Return whether a bare name is a variable: no part of a column, no field, no function."""
    above = node.parent
    if isinstance(above, exp.Dot):
        return node.arg_key == "this"
    if isinstance(above, exp.Anonymous):
        return node.arg_key != "this"
    return not isinstance(above, (exp.Column, exp.Alias)) and node.arg_key != "alias"


def _transform(e: Expressions, array: Piece, lambda_: exp.Expr) -> Piece:
    # DuckDB counts positions from 1.
    types = [array.type.element, t.INT]
    params, body = _body(e, lambda_, types, ["{}", "CAST({} - 1 AS INTEGER)"])
    sql = f"list_transform({array.sql}, lambda {params}: {body.sql})"
    return Piece(sql, t.array(body.type), array.raises or body.raises)


def _filter(e: Expressions, array: Piece, lambda_: exp.Expr) -> Piece:
    types = [array.type.element, t.INT]
    params, body = _body(e, lambda_, types, ["{}", "CAST({} - 1 AS INTEGER)"])
    refuse_unless(body.type == t.BOOLEAN, "filter() by what is no condition", lambda_)
    sql = f"list_filter({array.sql}, lambda {params}: coalesce({body.sql}, false))"
    return Piece(sql, array.type, array.raises or body.raises)


def _quantified(kind: str) -> _Builder:
    def build(e: Expressions, array: Piece, lambda_: exp.Expr) -> Piece:
        params, body = _body(e, lambda_, [array.type.element], ["{}"])
        refuse_unless(body.type == t.BOOLEAN, f"{kind}() of what is no condition", lambda_)
        # Spark stops at the first element that decides; one that raises must not come before it.
        refuse_unless(not body.risky, f"{kind}() with a condition that may raise", lambda_)
        answers = f"list_transform({array.sql}, lambda {params}: {body.sql})"
        decides = "true" if kind == "exists" else "false"
        other = "false" if kind == "exists" else "true"
        sql = (
            f"CASE WHEN {array.sql} IS NULL THEN NULL "
            f"WHEN list_contains({answers}, {decides}) THEN {decides} "
            f"WHEN len(list_filter({answers}, lambda x: x IS NULL)) > 0 THEN NULL ELSE {other} END"
        )
        return Piece(sql, t.BOOLEAN, array.raises)

    return build


def _aggregate(e: Expressions, node: exp.Expr, array: Piece, rest: list[exp.Expr]) -> Piece:
    refuse_unless(2 <= len(rest) <= 3, "aggregate() of other arguments", node)
    lambdas = rest[1:]
    refuse_unless(all(isinstance(x, exp.Lambda) for x in lambdas), "aggregate() by no lambda", node)
    start = e.piece(rest[0])
    type_ = start.type
    if type_ == t.VOID:
        raise Refusal("aggregate() from NULL", node)
    element = array.type.element
    refuse_unless(len(lambdas[0].expressions) == 2, "a lambda of other parameters", lambdas[0])
    outside = next(filter(_is_of_many_rows, lambdas[0].this.walk()), None)
    refuse_unless(outside is None, "aggregate() by what is of many rows", outside)
    # A type that is written has a place for NULL everywhere.
    filled = bool(type_.children) and not isinstance(rest[0].unnest(), exp.Cast)
    alike = type_ == element or (type_.is_numeric and element.is_numeric)
    if alike and not filled and not _captures(lambdas[0]):
        params, body = _body(e, lambdas[0], [type_, element], ["{}", "{}"])
        _refuse_other(body, type_, lambdas[0])
        merged = widened(body, type_)
        # A cast around the first value keeps DuckDB from giving the list its own type.
        sql = f"list_reduce({array.sql}, lambda {params}: {merged.sql}, {cast(start.sql, type_)})"
    else:
        sql, merged = _reduced(e, lambdas[0], array, start, filled=filled)
    sql = f"CASE WHEN {array.sql} IS NOT NULL THEN {sql} END"
    result = Piece(sql, type_, array.raises or start.raises or merged.raises)
    if len(lambdas) == 1:
        return result
    refuse_unless(len(lambdas[1].expressions) == 1, "a lambda of other parameters", lambdas[1])
    return _with(e, lambdas[1], [result])


def _is_of_many_rows(node: exp.Expr) -> bool:
    return isinstance(node, (exp.Window, exp.Query)) or is_aggregate(node)


def _filled(merged: Piece) -> Piece:
    """Return what a step of aggregate() gives, unless NULL is in it.

    Where no NULL can be in the array or struct that it begins with, Spark 4.1 reads whatever
    stands in the place of one that a step puts there: 0, or it breaks off.
    """
    sql, type_ = merged.sql, merged.type
    if type_.name == "map":
        parts = [(f"map_values({sql})", DataType("array", children=type_.children[-1:]))]
    elif type_.name == "struct":
        parts = [(f"struct_extract({sql}, {text(n)})", c) for n, c in type_.fields]
    else:
        parts = [(sql, type_)]
    deep = any(x.children and (x.name != "array" or x.element.children) for _, x in parts)
    refuse_unless(not deep, f"aggregate() that begins with {type_}")
    holds = " OR ".join(
        f"{part} IS NULL" + (f" OR list_count({part}) <> len({part})" if x.children else "")
        for part, x in parts
    )
    null_inside = not_portable("NULL in what a step of aggregate() gives", type_)
    checked = f"CASE WHEN {sql} IS NOT NULL AND ({holds}) THEN {null_inside} ELSE {sql} END"
    return Piece(checked, type_, raises=True, declines=not merged.risky)


def _reduced(
    e: Expressions, lambda_: exp.Expr, array: Piece, start: Piece, *, filled: bool
) -> tuple[str, Piece]:
    """Return what a lambda makes of a start and each element, whatever it uses beside them.

    DuckDB's list_reduce takes other rows' values for what stands around a lambda once lists differ
    in length, and has one type for both parameters. So all of it is part of each element.

    Returns:
        The SQL, and the lambda's body.
    """
    type_, element, depth = start.type, array.type.element, len(e.variables)
    before, item = f"a{depth}", f"v{depth}"
    around: dict[str, tuple[str, Piece]] = {}
    pieces = [
        Piece(f"struct_extract({before}, 'a')", type_),
        Piece(f"struct_extract({item}, 'v')", element),
    ]
    e.around.append((depth, item, around))
    try:
        body = _with(e, lambda_, pieces)
    finally:
        e.around.pop()
    alone = e.keys is None or not around
    refuse_unless(alone, "aggregate() among groups, by more than its two variables", lambda_)
    _refuse_other(body, type_, lambda_)
    parts = "".join(f", {name}: {piece.sql}" for name, piece in around.values())
    kept = "".join(f", {name}: struct_extract({item}, '{name}')" for name, _ in around.values())
    nothing = "".join(f", {name}: {null(piece.type)}" for name, piece in around.values())
    elements = f"list_transform({array.sql}, lambda {item}: {{a: {null(type_)}, v: {item}{parts}}})"
    given = _filled(widened(body, type_)) if filled else widened(body, type_)
    merged = f"{{a: {cast(given.sql, type_)}, v: struct_extract({item}, 'v'){kept}}}"
    first = f"{{a: {cast(start.sql, type_)}, v: {null(element)}{nothing}}}"
    sql = f"list_reduce({elements}, lambda {before}, {item}: {merged}, {first})"
    raises = any(piece.raises for _, piece in around.values())
    return f"struct_extract({sql}, 'a')", Piece(body.sql, type_, given.raises or raises)


def _refuse_other(body: Piece, type_: DataType, lambda_: exp.Expr) -> None:
    """Refuse a lambda that gives another type than what it begins with: Spark does."""
    reason = f"aggregate() whose lambda gives {body.type}, and that begins with {type_}"
    refuse_unless(body.type in (type_, t.VOID), reason, lambda_)


def _sorted(e: Expressions, node: exp.Expr, array: Piece, rest: list[exp.Expr]) -> Piece:
    """Return `array_sort(array, (x, y) -> ...)`: each element behind those that come before it.

    Where a comparison contradicts another one, or is NULL, the order is that of Java's sort, or an
    error: such an array ends the read.

    Example: `array_sort(a, (x, y) -> CASE WHEN x > y THEN -1 WHEN x < y THEN 1 ELSE 0 END)`
        -> `CASE WHEN "a" IS NOT NULL THEN list_transform(...)[1] END`
    """
    single = len(rest) == 1 and isinstance(rest[0], exp.Lambda) and len(rest[0].expressions) == 2
    refuse_unless(single, "array_sort() of other arguments", node)
    depth, element = len(e.variables), array.type.element
    listed, one, other = (f"{letter}{depth}" for letter in "lxy")
    body = _with(e, rest[0], [Piece(f"({listed}[{place}])", element) for place in (one, other)])
    refuse_unless(body.type == t.INT, f"array_sort() by {body.type}", rest[0])
    refuse_unless(not body.risky, "array_sort() by what may raise", rest[0])
    places = f"range(1, len({listed}) + 1)"
    compared = (
        f"list_transform({places}, lambda {one}: list_transform({places}, lambda {other}: "
        f"CASE WHEN {one} = {other} THEN 0 ELSE sign({body.sql}) END))"
    )
    many = not_portable(
        f"array_sort() by a lambda of more than {_MOST_COMPARED} elements", array.type
    )
    odd = not_portable("array_sort() by a lambda that is no order of these elements", array.type)
    sql = (
        f"list_transform([{array.sql}], lambda {listed}: "
        f"CASE WHEN len({listed}) > {_MOST_COMPARED} THEN {many} "
        f"ELSE list_transform([sp_ordered({listed}, {compared})], lambda z: "
        f"CASE WHEN z IS NULL THEN {odd} ELSE z END)[1] END)[1]"
    )
    sql = f"CASE WHEN {array.sql} IS NOT NULL THEN {sql} END"
    return made(sql, array.type, [array, body], declines=True)


def _maps_zipped(e: Expressions, node: exp.Expr) -> Piece | None:
    """Return `map_zip_with(map, other, (k, v, w) -> ...)`: NULL where one has no such key."""
    if len(node.expressions) != 3 or not isinstance(node.expressions[2], exp.Lambda):
        return None
    one, other = (e.piece(a) for a in node.expressions[:2])
    lambda_ = node.expressions[2]
    maps = one.type.name == other.type.name == "map"
    refuse_unless(maps, f"map_zip_with({one.type}, {other.type}, ...)", node)
    refuse_unless(one.type.key == other.type.key, "map_zip_with() of maps by other keys", node)
    names = [p.name.casefold() for p in lambda_.expressions]
    refuse_unless(len(set(names)) == 3 == len(names), "a lambda of other parameters", lambda_)
    depth = len(e.variables)
    item, both = f"v{depth}", f"m{depth}"
    types = [one.type.key, one.type.value, other.type.value]
    parts = zip("kab", types, strict=True)
    body = _with(e, lambda_, [Piece(f"struct_extract({item}, '{p}')", x) for p, x in parts])
    refuse_unless(body.type != t.VOID, "a lambda that gives NULL", lambda_)
    first, second = (f"struct_extract({both}, '{part}')" for part in "ab")
    more = f"list_filter(map_keys({second}), lambda k: NOT list_contains(map_keys({first}), k))"
    entries = (
        f"list_transform(list_concat(map_keys({first}), {more}), "
        f"lambda k: {{k: k, a: {first}[k], b: {second}[k]}})"
    )
    type_ = t.map_of(one.type.key, body.type)
    values = f"list_transform({entries}, lambda {item}: {body.sql})"
    keys = f"list_transform({entries}, lambda k: struct_extract(k, 'k'))"
    sql = containers.checked_map(f"{{k: {keys}, v: {values}}}", type_)
    sql = f"list_transform([{{a: {one.sql}, b: {other.sql}}}], lambda {both}: {sql})[1]"
    sql = f"CASE WHEN {one.sql} IS NOT NULL AND {other.sql} IS NOT NULL THEN {sql} END"
    return Piece(sql, type_, one.raises or other.raises or body.raises)


def _zipped(e: Expressions, node: exp.Expr) -> Piece | None:
    """Return what a lambda makes of two arrays; the shorter one is filled with NULL."""
    if len(node.expressions) != 3 or not isinstance(node.expressions[2], exp.Lambda):
        return None
    one, other = (e.piece(a) for a in node.expressions[:2])
    arrays = one.type.name == other.type.name == "array"
    refuse_unless(arrays, f"{name_of(node)}({one.type}, {other.type}, ...)", node)
    types = [one.type.element, other.type.element]
    params, body = _pair(e, node.expressions[2], types, ["{}[1]", "{}[2]"])
    zipped = f"list_transform(list_zip({one.sql}, {other.sql}), lambda {params}: {body.sql})"
    sql = f"CASE WHEN {one.sql} IS NOT NULL AND {other.sql} IS NOT NULL THEN {zipped} END"
    return Piece(sql, t.array(body.type), one.raises or other.raises or body.raises)


def _of_map(word: str) -> Callable[[Expressions, exp.Expr], Piece | None]:
    """Return the rule of `map_filter`, `transform_values` or `transform_keys`."""

    def form(e: Expressions, node: exp.Expr) -> Piece | None:
        if len(node.expressions) != 2 or not isinstance(node.expressions[1], exp.Lambda):
            return None
        value, lambda_ = e.piece(node.expressions[0]), node.expressions[1]
        refuse_unless(value.type.name == "map", f"{word}({value.type}, ...)", node)
        types = [value.type.key, value.type.value]
        parts = [f"struct_extract({{}}, '{part}')" for part in ("key", "value")]
        params, body = _pair(e, lambda_, types, parts)
        raises = value.raises or body.raises
        entries = f"map_entries({value.sql})"
        if word == "map_filter":
            refuse_unless(body.type == t.BOOLEAN, "map_filter() by what is no condition", lambda_)
            kept_entries = f"list_filter({entries}, lambda {params}: ({body.sql}) IS TRUE)"
            return Piece(f"map_from_entries({kept_entries})", value.type, raises)
        new_entries = f"list_transform({entries}, lambda {params}: {body.sql})"
        if word == "transform_values":
            type_ = t.map_of(value.type.key, body.type)
            sql = containers.checked_map(f"{{k: map_keys({value.sql}), v: {new_entries}}}", type_)
            return Piece(sql, type_, raises)
        type_ = t.map_of(body.type, value.type.value)
        sql = containers.checked_map(f"{{k: {new_entries}, v: map_values({value.sql})}}", type_)
        return Piece(sql, type_, raises=True)

    return form


def _pair(
    e: Expressions, lambda_: exp.Expr, types: Sequence[DataType], spelled: Sequence[str]
) -> tuple[str, Piece]:
    """Return the one parameter that two variables are parts of, and a lambda's compiled body."""
    names = [p.name.casefold() for p in lambda_.expressions]
    refuse_unless(len(names) == 2 == len(set(names)), "a lambda of other parameters", lambda_)
    own = f"v{len(e.variables)}"
    given = zip(types, spelled, strict=True)
    body = _with(e, lambda_, [Piece(spelling.format(own), x) for x, spelling in given])
    refuse_unless(body.type != t.VOID, "a lambda that gives NULL", lambda_)
    return own, body


_BUILDERS: Final[dict[str, _Builder]] = {
    "transform": _transform,
    "filter": _filter,
    "exists": _quantified("exists"),
    "forall": _quantified("forall"),
}

FORMS: Final[dict[str, Callable[[Expressions, exp.Expr], Piece | None]]] = {
    **{word: _form(word) for word in (*_BUILDERS, "aggregate", "sorted")},
    **{word: _of_map(word) for word in ("map_filter", "transform_values", "transform_keys")},
    "zipped": _zipped,
    "maps_zipped": _maps_zipped,
}
"""Rules for calls with lambdas, by the names that the table of functions has for them."""
