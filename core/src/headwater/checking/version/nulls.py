"""The stage `nulls`: NULL, NaN, sentinel values, and columns of a single value."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from headwater.checking.version.codes import INFINITY, NAN, bounds_of, code_of, value_of
from headwater.checking.version.findings import (
    Datasets,
    Finding,
    in_query,
    number_literal,
    percent,
    warning,
)
from headwater.checking.version.sampling import appeared, quantile
from headwater.checking.version.tally import FieldTally, Key, Tally
from headwater.checking.version.tally_query import HOUR
from headwater.interfaces.schema import Role
from headwater.sql.rewriting import quoted, text_literal

NULLS: Final = 0.02
"""Share of NULLs that matters where training has none."""
NANS: Final = 0.005
USUAL: Final = 0.01
"""Share of a value that is known to stand for a lack of one."""
SPIKE: Final = 0.05
"""Share of any other single value."""
NUMBERS: Final = (
    *(-float(x) for x in ("1", "9", "99", "999", "9999", "99999", "999999", "9999999")),
    *(float(x) for x in ("0", "99", "999", "9999", "99999", "999999", "9999999", "99999999")),
    -2147483648.0,
    2147483647.0,
    -9223372036854775808.0,
    1e30,
    -1e30,
    -32768.0,
    32767.0,
    65535.0,
)
TEXTS: Final = frozenset(
    (
        *("", "-", "--", ".", "?", "n/a", "na", "#n/a", "nan", "nil", "none", "null", "(null)"),
        *("\\n", "undefined", "unknown", "unbekannt", "missing", "empty", "not available"),
        *("not applicable", "tbd", "<na>", "nat", "0", "-1", "-999", "9999", "xxx"),
    )
)
"""Texts that stand for a lack of one, without blanks around them and in small letters."""


def examine(data: Datasets) -> Iterator[Finding]:
    """Yield missing values that training does not have.

    Args:
        data: The datasets.
    """
    for tally, reference in data.compared():
        for item in tally.of_role(Role.RAW_INPUT, Role.FEATURE, Role.PREDICTION):
            before = reference.fields.get(item.name)
            if before is None or not item.rows or not before.rows:
                continue
            yield from _missing(data, tally, reference, item, before)
            constant = _constant(tally, reference, item, before)
            if constant is not None:
                yield constant
            elif before.field.kind == item.field.kind:
                yield from _sentinels(data, tally, reference, item, before)


def summary(data: Datasets) -> str:
    """Return the figures in a line."""
    parts = []
    for tally in data.tallies.values():
        fields = [f for f in tally.fields.values() if f.field.role is not Role.ACTUAL]
        nulls, nans = sum(f.nulls for f in fields), sum(f.nans for f in fields)
        parts.append(f"{tally.purpose}: {nulls:,} NULLs, {nans:,} NaNs")
    return "; ".join(parts)


def _missing(
    data: Datasets, tally: Tally, reference: Tally, item: FieldTally, before: FieldTally
) -> Iterator[Finding]:
    column, source = item.field.column.column, item.field.column.source_type
    where = f"{tally.purpose}: {item.name}"
    all_gone = item.nulls == item.rows and before.nulls < 0.9 * before.rows and item.rows >= 20
    if all_gone or appeared(item.nulls, item.rows, before.nulls, before.rows, NULLS):
        middle = _most_frequent(before)
        filled = None
        if middle is not None:
            filled = f"coalesce({quoted(column)}, {middle})"
        yield warning(
            "missing-values",
            f"{where} is NULL in {percent(item.nulls, item.rows)} of the rows, in "
            f"{percent(before.nulls, before.rows)} of {reference.purpose}'s",
            "is it another column now, or did a JOIN find nothing? Where training filled it: "
            + (in_query(tally.purpose, filled, column) if filled else "fill it likewise"),
            data.mended(tally.purpose, column, filled) if filled else None,
        )
    if appeared(item.nans, item.rows, before.nans, before.rows, NANS):
        null = f"CASE WHEN NOT isnan({quoted(column)}) THEN {quoted(column)} END"
        yield warning(
            "nan-values",
            f"{where} is NaN in {percent(item.nans, item.rows)} of the rows, in "
            f"{percent(before.nans, before.rows)} of {reference.purpose}'s",
            f"{in_query(tally.purpose, null, column)}: NaN counts as a number, and is greater than "
            "all others",
            data.mended(tally.purpose, column, null) if source.is_floating else None,
        )
    endless, never = item.counts.get(INFINITY, 0), before.counts.get(INFINITY, 0)
    if item.field.kind == "number" and appeared(endless, item.rows, never, before.rows, NANS):
        name = quoted(column)
        null = f"CASE WHEN abs({name}) < CAST('Infinity' AS DOUBLE) THEN {name} END"
        yield warning(
            "sentinel-value",
            f"{where} is infinite in {percent(endless, item.rows)} of the rows",
            in_query(tally.purpose, null, column),
            data.mended(tally.purpose, column, null),
        )


def _most_frequent(item: FieldTally) -> str | None:
    """Return SQL for a value that a field often has."""
    present = {k: n for k, n in item.counts.items() if k is not None and k != NAN}
    if not present or item.field.kind not in ("number", "text"):
        return None
    source = item.field.column.source_type
    if item.field.kind == "text":
        best = max(present, key=lambda k: (present[k], str(k)))
        text = text_literal(str(best))
        return text if source.is_text else f"CAST({text} AS {source})"
    middle = value_of(quantile(item.numbers, 0.5)) if item.numbers else 0.0
    return number_literal(float(round(middle)) if source.is_integer else float(f"{middle:.3g}"))


def _constant(
    tally: Tally, reference: Tally, item: FieldTally, before: FieldTally
) -> Finding | None:
    """Return a finding if a field has a single value where training's surely has more."""
    present = [(k, n) for k, n in item.counts.items() if k is not None]
    if len(present) != 1 or item.field.kind == "other" or before.field.kind != item.field.kind:
        return None
    rows = present[0][1]
    values = {k: n for k, n in before.counts.items() if k is not None}
    total = sum(values.values())
    if rows < 30 or len(values) < 2 or not total:
        return None
    share = max(values.values()) / total
    if share**rows > 1e-9 or share > 0.98:
        return None
    if item.field.role is Role.PREDICTION and len(values) < 20:
        return None  # a model may well answer one and the same for a while
    if tally.windowed and len(values) < 20:
        return None  # of a day, its weekday is one
    return warning(
        "constant-feature",
        f"{tally.purpose}: {item.name} is one and the same in all {rows:,} rows; "
        f"{reference.purpose} has {len(values):,}{'' if before.whole else ' or more'} values",
        f"is {item.field.column.column!r} the column of another version, or a default that nothing "
        "fills any more? Map the column that varies, or compute it in the query as training did",
    )


def _sentinels(
    data: Datasets, tally: Tally, reference: Tally, item: FieldTally, before: FieldTally
) -> Iterator[Finding]:
    column, source = item.field.column.column, item.field.column.source_type
    usual = {code_of(n): n for n in NUMBERS}
    present = [(n, k) for k, n in item.counts.items() if k not in (None, NAN, INFINITY)]
    frequent = sorted(present, key=lambda pair: (-pair[0], str(pair[1])))[:20]
    for n, key in frequent:
        then = before.counts.get(key, 0)
        usual_value = key in usual if item.field.kind == "number" else _is_lack(key, item)
        if item.field.role is Role.PREDICTION and not (
            usual_value and key not in (0, code_of(-1.0))
        ):
            continue
        if not appeared(n, item.rows, then, before.rows, USUAL if usual_value else SPIKE):
            continue
        if item.field.kind == "number" and isinstance(key, int):
            if not usual_value and not _stands_out(item, before, key, n):
                continue
            value_rows = data.value_of(tally.purpose, item.name, *bounds_of(key))
            if value_rows is None:
                continue
            value, rows = value_rows
            if not appeared(rows, item.rows, then, before.rows, USUAL if usual_value else SPIKE):
                continue
            value_text = f"{value:g}"
            null = f"nullif({quoted(column)}, {number_literal(value)})"
        elif item.field.kind == "text" and usual_value:
            if source.is_text:
                null, value_text = f"nullif({quoted(column)}, {text_literal(str(key))})", repr(key)
            else:
                null, value_text = f"nullif({quoted(column)}, {key})", repr(key)
        elif item.field.kind == "moment" and key == 0:
            value_text = "1970-01-01"
            name = quoted(column)
            null = f"CASE WHEN unix_micros({name}) div {HOUR} <> 0 THEN {name} END"
            rows = n
        elif item.field.kind == "other" and key == 0:
            value_text, null = (
                "empty",
                (
                    f"CASE WHEN trim({quoted(column)}) <> '' THEN {quoted(column)} END"
                    if source.is_text
                    else f"CASE WHEN size({quoted(column)}) > 0 THEN {quoted(column)} END"
                ),
            )
        else:
            continue
        yield warning(
            "sentinel-value",
            f"{tally.purpose}: {item.name} is {value_text} in {percent(n, item.rows)} of the rows, "
            f"in {percent(then, before.rows)} of {reference.purpose}'s: does it stand for a lack "
            "of one?",
            in_query(tally.purpose, null, column)
            + ("" if before.nulls else f", and filled as {reference.purpose} is"),
            data.mended(tally.purpose, column, null),
        )


def _is_lack(key: Key, item: FieldTally) -> bool:
    if item.field.kind == "text":
        return str(key).strip().casefold() in TEXTS
    return key == 0


def _stands_out(item: FieldTally, before: FieldTally, key: int, n: int) -> bool:
    """Return whether a number is far more frequent than those beside it, and training is no such.

    A field that moved to another place has frequent numbers, too, but they have neighbours; and one
    of few values has none that stand out.
    """
    place = next(i for i, (k, _) in enumerate(item.numbers) if k == key)
    near = item.numbers[max(0, place - 3) : place] + item.numbers[place + 1 : place + 4]
    if near and n < 8 * max(m for _, m in near):
        return False
    total = sum(m for _, m in before.numbers)
    return bool(total) and max(m for _, m in before.numbers) < 0.1 * total
