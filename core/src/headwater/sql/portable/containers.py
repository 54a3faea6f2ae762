"""Arrays, maps and structs that a query makes."""

from __future__ import annotations

from fractions import Fraction
from typing import TYPE_CHECKING, Final

from sqlglot import exp

from headwater import types as t
from headwater.sql.portable import ranges
from headwater.sql.portable.casts import cast as to_type
from headwater.sql.portable.comparing import comparable, order_key, orderable, widened
from headwater.sql.portable.pieces import Piece, Refusal, made, refuse_unless
from headwater.sql.portable.raising import not_portable, spark_error
from headwater.sql.portable.spelling import cast, in_months, is_span, text
from headwater.types import DataType

if TYPE_CHECKING:
    from headwater.sql.portable.expressions import Expressions


def array(arguments: list[Piece], type_: DataType) -> Piece:
    """Return `array(a, b)`.

    Example: `array(i, 2)` -> `["i", CAST(2 AS INTEGER)]`
    """
    values = [widened(a, type_.element) for a in arguments]
    return Piece(f"[{', '.join(v.sql for v in values)}]", type_, any(v.raises for v in values))


def map_(arguments: list[Piece], type_: DataType) -> Piece:
    """Return `map(k, v, ...)`.

    Example: `map('k', i)` -> `map(['k'], ["i"])`
    """
    keys, values = arguments[::2], arguments[1::2]
    _refuse_keys(type_)
    named = [widened(k, type_.key) for k in keys]
    items = [widened(v, type_.value) for v in values]
    listed = f"[{', '.join(k.sql for k in named)}]", f"[{', '.join(i.sql for i in items)}]"
    raises = any(p.raises for p in (*named, *items))
    literal = all(isinstance(k.literal, str) for k in keys)
    if literal and len({k.literal for k in keys}) == len(keys):
        return Piece(f"map({listed[0]}, {listed[1]})", type_, raises)
    return Piece(checked_map(f"{{k: {listed[0]}, v: {listed[1]}}}", type_), type_, raises=True)


def checked_map(pair: str, type_: DataType) -> str:
    """Return a map of `{k: keys, v: values}`; NULL as a key, and a key twice, raise as in Spark."""
    _refuse_keys(type_)
    missing = spark_error("NULL_MAP_KEY", "NULL as a key of a map", type_)
    twice = spark_error("DUPLICATED_MAP_KEY", "a key twice in a map", type_)
    # By struct_extract: with a dot, DuckDB would take a column of the lambda's variable's name.
    keys, values = "struct_extract(p, 'k')", "struct_extract(p, 'v')"
    return (
        f"list_transform([{pair}], lambda p: CASE "
        f"WHEN {keys} IS NULL OR {values} IS NULL THEN NULL "
        f"WHEN len(list_filter({keys}, lambda z: z IS NULL)) > 0 THEN {missing} "
        f"WHEN len(list_distinct({keys})) <> len({keys}) THEN {twice} "
        f"ELSE map({keys}, {values}) END)[1]"
    )


def _refuse_keys(type_: DataType) -> None:
    exact = type_.name == "map" and comparable(type_.key) and not type_.key.is_floating
    refuse_unless(exact, f"a {type_}: its keys were not measured")


def map_from_arrays(arguments: list[Piece], type_: DataType) -> Piece:
    """Return `map_from_arrays(keys, values)`."""
    keys, values = arguments
    differ = spark_error("INVALID_PARAMETER_VALUE", "keys and values differ in number", type_)
    new_map = checked_map(f"{{k: {keys.sql}, v: {values.sql}}}", type_)
    sql = f"CASE WHEN len({keys.sql}) <> len({values.sql}) THEN {differ} ELSE {new_map} END"
    return Piece(sql, type_, raises=True)


def map_from_entries(arguments: list[Piece], type_: DataType) -> Piece:
    """Return `map_from_entries(array)`; an entry that is NULL makes it NULL."""
    (value,) = arguments
    key, item = (text(n) for n in value.type.element.field_names)
    keys = f"list_transform(l, lambda z: struct_extract(z, {key}))"
    values = f"list_transform(l, lambda z: struct_extract(z, {item}))"
    new_map = checked_map(f"{{k: {keys}, v: {values}}}", type_)
    some = "len(list_filter(l, lambda z: z IS NULL)) > 0"
    sql = (
        f"list_transform([{value.sql}], lambda l: CASE WHEN {some} THEN NULL ELSE {new_map} END)[1]"
    )
    return Piece(sql, type_, raises=True)


def map_concat(arguments: list[Piece], type_: DataType) -> Piece:
    """Return `map_concat(a, b)`, of maps of one type."""
    same = all(a.type == type_ for a in arguments)
    refuse_unless(same, "map_concat() of maps of several types")
    keys, values = (
        _joined([f"map_{part}({a.sql})" for a in arguments]) for part in ("keys", "values")
    )
    some = " OR ".join(f"{a.sql} IS NULL" for a in arguments)
    new_map = checked_map(f"{{k: {keys}, v: {values}}}", type_)
    return Piece(f"CASE WHEN {some} THEN NULL ELSE {new_map} END", type_, raises=True)


def _joined(lists: list[str]) -> str:
    first, *rest = lists
    for other in rest:
        first = f"list_concat({first}, {other})"
    return first


def arrays_zip(arguments: list[Piece], type_: DataType) -> Piece:
    """Return `arrays_zip(a, b)`; the shorter ones are filled with NULL."""
    names = type_.element.field_names
    folded = {n.casefold() for n in names}
    refuse_unless(len(folded) == len(names), "arrays_zip() with a field twice")
    fields = ", ".join(f"{text(n)}: z[{i + 1}]" for i, n in enumerate(names))
    zipped = f"list_zip({', '.join(a.sql for a in arguments)})"
    some = " OR ".join(f"{a.sql} IS NULL" for a in arguments)
    sql = f"CASE WHEN {some} THEN NULL ELSE list_transform({zipped}, lambda z: {{{fields}}}) END"
    return Piece(sql, type_, any(a.raises for a in arguments))


def concat(arguments: list[Piece], type_: DataType) -> Piece:
    """Return `concat(array, array)`; a NULL among them makes it NULL."""
    some = " OR ".join(f"{a.sql} IS NULL" for a in arguments)
    joined = _joined([a.sql for a in arguments])
    return made(f"CASE WHEN NOT ({some}) THEN {joined} END", type_, arguments)


def concat_ws(arguments: list[Piece], type_: DataType) -> Piece | None:
    """Return `concat_ws(',', a, array)`: what is not NULL; None where there is no array.

    Example: `concat_ws(',', a)` -> `coalesce(array_to_string(..., ','), '')`
    """
    separator, *others = arguments
    if not any(a.type.name == "array" for a in others):
        return None
    refuse_unless(isinstance(separator.literal, str), "concat_ws() by what is no literal text")
    pieces = [a if a.type.name == "array" else to_type(a, t.STRING) for a in others]
    pieces = [to_type(p, t.array(t.STRING)) if p.type.name == "array" else p for p in pieces]
    lists = [p.sql if p.type.name == "array" else f"[{p.sql}]" for p in pieces]
    listed = f"list_filter({_joined(lists)}, lambda z: z IS NOT NULL)"
    return made(f"coalesce(array_to_string({listed}, {separator.sql}), '')", type_, pieces)


_LONGEST: Final = 10_000_000
_DAY: Final = 86_400_000_000


def sequence(arguments: list[Piece], type_: DataType) -> Piece:
    """Return `sequence(start, stop, step)` of whole numbers, days and times.

    Example: `sequence(day, day, INTERVAL 1 MONTH)` -> `list_transform([{a: ..., b: ...}], ...)[1]`

    Raises:
        Refusal: By a step that is no number, and of times no interval of months or of days.
    """
    element = type_.element
    bounds, steps = [widened(a, element) for a in arguments[:2]], arguments[2:]
    step = steps[0].values if steps else None
    if element.is_integer:
        by = f"CAST({widened(steps[0], element).sql} AS HUGEINT)" if steps else "1"
        return _series(bounds, by, type_, "{}", step)
    spans = all(is_span(s.type) for s in steps)
    refuse_unless(spans, "sequence() of times by what is no interval of one unit")
    if steps and in_months(steps[0].type):
        return _months([*bounds, steps[0]], type_)
    if element == t.DATE:
        counted, shown = (
            "date_diff('day', DATE '1970-01-01', {})",
            "DATE '1970-01-01' + CAST({} AS INTEGER)",
        )
        by = f"CAST({steps[0].sql} AS HUGEINT) // {_DAY}" if steps else "1"
    else:
        make = "make_timestamptz" if element == t.TIMESTAMP else "make_timestamp"
        counted, shown = "epoch_us({})", f"{make}(CAST({{}} AS BIGINT))"
        by = f"CAST({steps[0].sql} AS HUGEINT)" if steps else str(_DAY)
    numbers = [made(counted.format(p.sql), t.BIGINT, [p], range_=p.values) for p in bounds]
    if step is not None and element == t.DATE:
        days = None if step.single is None else Fraction(step.single) / _DAY
        step = ranges.Range() if days is None else ranges.constant(days)
    series = _series(numbers, by, type_, shown, step)
    if step is None or element != t.DATE or (step.single is not None and step.single % 1 == 0):
        return series
    part = not_portable("sequence() of dates by a part of a day", type_)
    sql = f"CASE WHEN {steps[0].sql} % {_DAY} <> 0 THEN {part} ELSE {series.sql} END"
    return made(sql, type_, [series, steps[0]])


def _series(
    bounds: list[Piece], by: str, type_: DataType, shown: str, step: ranges.Range | None
) -> Piece:
    """Return the numbers between two ones.

    Args:
        bounds: The first one, and what the last one is not beyond.
        by: How far they are apart.
        type_: The type of the array.
        shown: How a number is written as an element.
        step: What is known of how far they are apart; None where they go down by themselves if
            the second bound is below the first.
    """
    first, last = (f"CAST({p.sql} AS HUGEINT)" for p in bounds)
    by = f"CASE WHEN {first} <= {last} THEN {by} ELSE -{by} END" if step is None else by
    wrong = spark_error("ILLEGAL_SEQUENCE", "sequence() by a step that leads away", type_)
    far = not_portable(f"sequence() of more than {_LONGEST} elements", type_)
    a, b, s = (f"struct_extract(p, '{part}')" for part in "abs")
    series = f"generate_series(0, CAST(({b} - {a}) // {s} AS BIGINT))"
    element, item = type_.element, shown.format(f"({a} + z * {s})")
    sql = (
        f"list_transform([{{a: {first}, b: {last}, s: CAST({by} AS HUGEINT)}}], lambda p: CASE "
        f"WHEN {a} IS NULL OR {b} IS NULL OR {s} IS NULL THEN NULL "
        f"WHEN {a} = {b} THEN [{cast(shown.format(a), element)}] "
        f"WHEN {s} = 0 OR ({s} > 0) <> ({b} > {a}) THEN {wrong} "
        f"WHEN ({b} - {a}) // {s} > {_LONGEST} THEN {far} "
        f"ELSE list_transform({series}, lambda z: {cast(item, element)}) END)[1]"
    )
    leads = _leads(bounds, step)
    return made(sql, type_, bounds, raises=leads is None or leads > _LONGEST)


def _leads(bounds: list[Piece], step: ranges.Range | None) -> ranges.Number | None:
    """Return how many steps lead from one bound to the other at most; None if one may lead away.

    Args:
        bounds: The two.
        step: How far each step leads; None for one towards the second bound.
    """
    first, last = (p.values for p in bounds)
    if first.low is None or first.high is None or last.low is None or last.high is None:
        return None
    apart = max(last.high - first.low, first.high - last.low)
    if step is None:
        return apart
    if step.single is None or step.single == 0:
        return None
    ahead = first.high <= last.low if step.single > 0 else first.low >= last.high
    return apart / abs(Fraction(step.single)) if ahead else None


def _months(pieces: list[Piece], type_: DataType) -> Piece:
    """Return times that are months apart, each counted from the first one."""
    first, last, step = pieces
    wrong = spark_error("ILLEGAL_SEQUENCE", "sequence() by a step that leads away", type_)
    far = not_portable("sequence() by no month, or over more than 100000 years", type_)
    a, b, s = (f"struct_extract(p, '{part}')" for part in "abs")
    apart = f"abs(date_diff('month', CAST({a} AS TIMESTAMP), CAST({b} AS TIMESTAMP)))"
    item = cast(f"{a} + to_months(CAST(z * {s} AS INTEGER))", type_.element)
    series = f"list_transform(generate_series(0, {apart} // abs({s})), lambda z: {item})"
    kept = f"list_filter({series}, lambda z: CASE WHEN {s} > 0 THEN z <= {b} ELSE z >= {b} END)"
    bound = f"{{a: {first.sql}, b: {last.sql}, s: CAST({step.sql} AS BIGINT)}}"
    sql = (
        f"list_transform([{bound}], lambda p: CASE "
        f"WHEN {a} IS NULL OR {b} IS NULL OR {s} IS NULL THEN NULL "
        f"WHEN {s} = 0 OR {apart} > 1200000 THEN {far} "
        f"WHEN {a} <> {b} AND ({s} > 0) <> ({b} > {a}) THEN {wrong} ELSE {kept} END)[1]"
    )
    # Months between times in the years that are known are few.
    leads = _leads([first, last], step.values) is not None
    return made(sql, type_, pieces, raises=not leads)


def sort_array(arguments: list[Piece], type_: DataType) -> Piece | None:
    """Return `sort_array(a)` of arrays, structs and the like; None for what the table knows."""
    if len(arguments) != 1 or arguments[0].type.name != "array":
        return None
    (value,) = arguments
    element = value.type.element
    if not element.children or not orderable(element):
        return None
    # NULLs before the rest, as Spark has them: their keys say that they are NULL.
    key = f"{{n: x IS NOT NULL, v: {order_key('x', element)}}}"
    keyed = f"list_transform({value.sql}, lambda x: {{k: {key}, x: x}})"
    ordered = f"list_sort({keyed}, 'ASC', 'NULLS FIRST')"
    sql = f"list_transform({ordered}, lambda s: struct_extract(s, 'x'))"
    return Piece(sql, type_, value.raises)


def struct(e: Expressions, node: exp.Expr, type_: DataType) -> Piece:
    """Return `struct(a, b AS c)` and `named_struct('a', 1)`, with the analysis' field names.

    Example: `struct(i, d AS x)` -> `{'i': "i", 'x': "d"}`
    """
    if str(node.this).lower() == "named_struct":
        nodes = node.expressions[1::2]
    else:
        nodes = [n.this if isinstance(n, exp.Alias) else n for n in node.expressions]
    pieces = [e.piece(n) for n in nodes]
    if type_.name != "struct" or [p.type for p in pieces] != list(type_.children):
        raise Refusal("a struct whose fields can't be told", node)
    refuse_unless(all(type_.field_names), "a struct with a field without a name", node)
    folded = [n.casefold() for n in type_.field_names]
    refuse_unless(len(set(folded)) == len(folded), "a struct with a field twice", node)
    listed = zip(type_.field_names, pieces, strict=True)
    sql = "{" + ", ".join(f"{text(n)}: {p.sql}" for n, p in listed) + "}"
    return Piece(sql, type_, any(p.raises for p in pieces))
