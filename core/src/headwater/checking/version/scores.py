"""The stage `scores`: predictions that contradict each other, themselves, or the labels."""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from typing import Final

from headwater.checking.version.codes import NAN, code_of, is_number, value_of
from headwater.checking.version.findings import (
    Datasets,
    Finding,
    in_query,
    number_literal,
    percent,
    warning,
)
from headwater.checking.version.sampling import at_least, in_order
from headwater.checking.version.tally import FieldTally, Key, Tally
from headwater.checking.version.tally_query import BAD_SHARE, BAD_SUM, NOT_LARGEST
from headwater.interfaces.schema import ACTUAL_PREFIX, ModelType, Role
from headwater.sql.rewriting import quoted, text_literal

ROWS: Final = 50
CONTRADICTED: Final = 0.02
"""Share of rows whose decision no threshold of the probability explains."""
OUTSIDE: Final = 0.002
SUMS: Final = 0.01
SWAPPED: Final = 0.7
"""Share of labels that are right once classes change places, where few are as they stand."""
ONE: Final = code_of(1.0)
HUNDRED: Final = code_of(100.0)
_YES_NO: Final = ({"true", "false"}, {"yes", "no"}, {"0", "1"}, {"y", "n"}, {"t", "f"})
_NAMED: Final = re.compile(
    r"prob|likelihood|confidence|(^|_)p(_|$)|(^|_)pct|percent", re.IGNORECASE
)


def examine(data: Datasets) -> Iterator[Finding]:
    """Yield predictions that can't be what they are mapped as.

    Args:
        data: The datasets.
    """
    for tally in data.tallies.values():
        shares = [
            f
            for f in tally.of_role(Role.PREDICTION)
            if f.field.kind == "number" and _is_share(data, tally, f)
        ]
        for item in shares:
            yield from _range(data, tally, item)
        yield from _decisions(data, tally, shares)
        yield from _dictionaries(data, tally)
        yield from _classes(data, tally, shares)


def summary(data: Datasets) -> str:
    """Return the figures in a line."""
    parts = [
        f"{t.purpose}: {', '.join(f.name for f in t.of_role(Role.PREDICTION))}"
        for t in data.tallies.values()
        if t.of_role(Role.PREDICTION)
    ]
    return "; ".join(parts) or "there are no predictions"


def _count_in_unit_interval(item: FieldTally) -> tuple[int, int]:
    """Return how many numbers lie in [0, 1], and how many there are."""
    return sum(n for k, n in item.numbers if 0 <= k <= ONE), sum(n for _, n in item.numbers)


def _is_share(data: Datasets, tally: Tally, item: FieldTally) -> bool:
    """Return whether a prediction is a probability, by its name, other datasets or its values."""
    if tally.model_type is not ModelType.BINARY and tally.model_type is not ModelType.MULTICLASS:
        return False
    for other in data.tallies.values():
        same = other.fields.get(item.name)
        if same is None or same.field.kind != "number":
            continue
        inside, rows = _count_in_unit_interval(same)
        broken = sum(n for k, n in same.numbers if 0 < k < ONE)
        if rows >= ROWS and inside >= 0.9 * rows and broken >= 0.05 * rows:
            return True
    inside, rows = _count_in_unit_interval(item)
    numbers = item.numbers
    if rows < ROWS:
        return False
    whole = not any(k < 0 for k, _ in numbers) and numbers[-1][0] <= HUNDRED + 1
    if _NAMED.search(item.name) or _NAMED.search(item.field.column.column):
        return True
    many = len(numbers) > 20
    return whole and many and tally.model_type is ModelType.BINARY


def _range(data: Datasets, tally: Tally, item: FieldTally) -> Iterator[Finding]:
    numbers = item.numbers
    inside, rows = _count_in_unit_interval(item)
    if not at_least(rows - inside, rows, OUTSIDE) or rows - inside < 3:
        return
    column, name = item.field.column.column, quoted(item.field.column.column)
    top = max((k for k, _ in numbers), default=0)
    if not any(k < 0 for k, _ in numbers) and top <= HUNDRED + 1 and inside < 0.5 * rows:
        hint, sql = "percent?", f"{name} / 100"
    elif (
        any(k < 0 for k, _ in numbers)
        and inside < 0.9 * rows
        and tally.model_type is ModelType.BINARY
    ):
        hint, sql = "log-odds?", f"1 / (1 + exp(-{name}))"
    else:
        hint, sql = "", f"CASE WHEN {name} BETWEEN 0 AND 1 THEN {name} END"
    low, high = value_of(numbers[0][0]), value_of(top)
    yield warning(
        "probability-range",
        f"{tally.purpose}: {item.name} is outside of [0, 1] in {percent(rows - inside, rows)} of "
        f"the rows, from {low:.4g} to {high:.4g}{': ' + hint if hint else ''}",
        in_query(tally.purpose, sql, column),
        data.mended(tally.purpose, column, sql),
    )


def _decisions(data: Datasets, tally: Tally, shares: Sequence[FieldTally]) -> Iterator[Finding]:
    """Yield decisions that their probability contradicts, whatever the threshold."""
    by_name = {f.name for f in shares}
    reported = set()
    for (one, two), counts in tally.pairs.items():
        if two not in by_name and one in by_name:
            one, two = two, one
            counts = {(b, a): n for (a, b), n in counts.items()}
        if two not in by_name or one in reported:
            continue
        sides = _two_sides(counts)
        if sides is None:
            continue
        rows = sum(n for _, _, n in sides)
        if rows < ROWS:
            continue
        wrong_rows, above, inverse = _best_threshold(sides)
        if not at_least(wrong_rows, rows, CONTRADICTED):
            continue
        reported.add(one)
        item = tally.fields[one]
        column, share = item.field.column.column, quoted(tally.fields[two].field.column.column)
        threshold = value_of(above)
        backwards = inverse <= max(0.02 * rows, wrong_rows / 4)
        if backwards:
            text = f"{one} is yes where {two} is low: it is the probability of the other class?"
            column_ = tally.fields[two].field.column.column
            sql = f"1 - {share}"
            yield warning(
                "decision-contradicted",
                f"{tally.purpose}: {text}",
                in_query(tally.purpose, sql, column_),
                data.mended(tally.purpose, column_, sql),
            )
            continue
        yes = f"{share} >= {number_literal(float(f'{threshold:.3g}'))}"
        if item.field.column.source_type.name != "boolean":
            values = sorted({a for a, _ in counts if a is not None}, key=str)
            yes = _as_values(yes, item, values)
        yield warning(
            "decision-contradicted",
            f"{tally.purpose}: {one} contradicts {two} in {percent(wrong_rows, rows)} of the rows "
            "at least, whatever the threshold",
            "is one of them of another class, version or row? By the best threshold, "
            + in_query(tally.purpose, yes, column),
            data.mended(tally.purpose, column, yes),
        )


def _as_values(yes: str, item: FieldTally, values: Sequence[Key]) -> str:
    source = item.field.column.source_type
    no, affirmed = (
        str(round(value_of(k))) if isinstance(k, int) else text_literal(str(k)) for k in values
    )
    return f"CAST(CASE WHEN {yes} THEN {affirmed} ELSE {no} END AS {source})"


def _two_sides(counts: Mapping[tuple[Key, Key], int]) -> list[tuple[int, bool, int]] | None:
    """Return rows as (probability code, decision, count); None unless there are two decisions."""
    values = {a for a, _ in counts if a is not None}
    texts = {v.casefold() for v in values if isinstance(v, str)}
    if len(values) != 2 or (values != {0, ONE} and texts not in _YES_NO):
        return None
    yes = max(values, key=str)
    return [
        (b, a == yes, n)
        for (a, b), n in counts.items()
        if a is not None and isinstance(b, int) and b != NAN
    ]


def _best_threshold(sides: Sequence[tuple[int, bool, int]]) -> tuple[int, int, int]:
    """Return the rows that the best threshold gets wrong, it, and the rows of its inverse."""
    by_code: defaultdict[int, list[int]] = defaultdict(lambda: [0, 0])
    for code, decided, n in sides:
        by_code[code][decided] += n
    total_yes = sum(y for _, y in by_code.values())
    total_no = sum(x for x, _ in by_code.values())
    no = yes = 0
    codes = sorted(by_code)
    # yes at and above the code: wrong are the noes above, and the yeses below.
    best = (total_no, codes[0])
    inverse = total_yes
    for at, code in enumerate(codes):
        no, yes = no + by_code[code][0], yes + by_code[code][1]
        above = codes[at + 1] if at + 1 < len(codes) else code + 1
        best = min(best, (total_no - no + yes, above))
        inverse = min(inverse, total_yes - yes + no)
    # Within one code lie thresholds that are not seen.
    finest = max((min(v) for v in by_code.values()), default=0)
    return max(0, best[0] - finest), best[1], inverse


def _dictionaries(data: Datasets, tally: Tally) -> Iterator[Finding]:
    items = [f for f in tally.of_role(Role.PREDICTION) if str(f.field.column.field_type) == "dict"]
    if not items:
        return
    item = items[0]
    column, name = item.field.column.column, quoted(item.field.column.column)
    rows = item.rows - item.nulls
    if rows < 10:
        return
    source = item.field.column.source_type
    outside = tally.flagged(BAD_SHARE)
    if outside >= 3 and at_least(outside, rows, OUTSIDE):
        by_sum = _normalised(name, str(source))
        yield warning(
            "probability-range",
            f"{tally.purpose}: {item.name} has shares outside of [0, 1] in "
            f"{percent(outside, rows)} of the rows: percent?",
            in_query(tally.purpose, by_sum, column),
            data.mended(tally.purpose, column, by_sum),
        )
    elif tally.model_type is ModelType.MULTICLASS:
        off = tally.flagged(BAD_SUM)
        if off >= 3 and at_least(off, rows, SUMS):
            by_sum = _normalised(name, str(source))
            yield warning(
                "probability-sum",
                f"{tally.purpose}: the shares of {item.name} do not sum to 1 in "
                f"{percent(off, rows)} of the rows",
                "is a class left out, or are they scores? Divided by their sum, "
                + in_query(tally.purpose, by_sum, column),
                data.mended(tally.purpose, column, by_sum),
            )
    if tally.model_type is ModelType.MULTICLASS:
        wrong_rows = tally.flagged(NOT_LARGEST)
        if wrong_rows >= 3 and at_least(wrong_rows, rows, CONTRADICTED):
            decision = next(f for f in tally.of_role(Role.PREDICTION) if f.field.kind == "text")
            other = decision.field.column.column
            largest = (
                f"element_at(map_keys(map_filter({name}, (k, v) -> v = "
                f"array_max(map_values({name})))), 1)"
            )
            yield warning(
                "decision-contradicted",
                f"{tally.purpose}: {decision.name} is not the class of the largest share of "
                f"{item.name} in {percent(wrong_rows, rows)} of the rows",
                in_query(tally.purpose, largest, other),
                data.mended(tally.purpose, other, largest),
            )


def _normalised(name: str, source: str) -> str:
    total = f"aggregate(map_values({name}), 0.0D, (a, b) -> a + CAST(b AS DOUBLE))"
    return f"transform_values({name}, (k, v) -> CAST(v AS DOUBLE) / {total})"


def _classes(data: Datasets, tally: Tally, shares: Sequence[FieldTally]) -> Iterator[Finding]:
    """Yield predictions that would be right if classes changed their names.

    Where several predictions of a label are all the other way round, it is the label that is.
    """
    by_name = {f.name for f in shares}
    for label, name in tally.label_names.items():
        actual = tally.fields.get(name)
        if actual is None:
            continue
        label_name = name.removeprefix(ACTUAL_PREFIX)
        compared = 0
        findings: list[tuple[Finding, FieldTally, dict[Key, Key]]] = []
        for item in sorted(tally.of_role(Role.PREDICTION), key=lambda f: f.name != label_name):
            if label not in item.cells:
                continue
            if item.name in by_name:
                compared += 1
                finding = _backwards(data, tally, item, label, name)
                if finding is not None:
                    findings.append((finding, item, {}))
            elif item.field.kind == actual.field.kind and (item.name == label_name or not compared):
                compared += 1
                renamed = _renamed(data, tally, item, label, name)
                if renamed is not None:
                    findings.append((renamed[0], item, renamed[1]))
        moved = next((m for _, _, m in findings if m), {})
        if len(findings) > 1 and len(findings) == compared and moved:
            owner, column = data.owner(tally, actual), actual.field.column.column
            sql = _names(actual, {b: a for a, b in moved.items()})
            yield warning(
                "swapped-classes",
                f"{findings[0][0].diagnostic.message}; "
                f"{', '.join(f.name for _, f, _ in findings[1:])} says so, too",
                "are the labels the other way round? " + in_query(owner, sql, column),
                data.mended(owner, column, sql),
            )
        else:
            yield from (finding for finding, _, _ in findings)


def _backwards(
    data: Datasets, tally: Tally, item: FieldTally, label: int, name: str
) -> Finding | None:
    """Return a finding if high probabilities go with the other class."""
    classes = {c.label for c in item.cells[label] if c.label is not None}
    if len(classes) != 2:
        return None
    numbers = [c for c in classes if isinstance(c, int)]
    yes = max(numbers) if len(numbers) == 2 else max(classes, key=str)
    by_code: defaultdict[int, list[int]] = defaultdict(lambda: [0, 0])
    for cell in item.cells[label]:
        if cell.label is not None and isinstance(cell.key, int) and is_number(cell.key):
            by_code[cell.key][cell.label == yes] += cell.rows
    sides = [(up, no) for _, (no, up) in sorted(by_code.items())]
    rarer = min(sum(up for up, _ in sides), sum(no for _, no in sides))
    if rarer < 30:
        return None
    share = in_order(sides)
    error = 0.5 / rarer**0.5
    if share > 1 - SWAPPED or share > 0.5 - 4 * error:
        return None
    column = item.field.column.column
    sql = f"1 - {quoted(column)}"
    return warning(
        "swapped-classes",
        f"{tally.purpose}: {item.name} is high where {name} is no (AUC {share:.3f}; turned round, "
        f"{1 - share:.3f})",
        f"is it the probability of the other class, or are the labels the other way round? "
        f"{in_query(tally.purpose, sql, column)}",
        data.mended(tally.purpose, column, sql),
    )


def _renamed(
    data: Datasets, tally: Tally, item: FieldTally, label: int, name: str
) -> tuple[Finding, dict[Key, Key]] | None:
    """Return a finding if predictions are right once classes are renamed, with the names."""
    table: Counter[tuple[Key, Key]] = Counter()
    for cell in item.cells[label]:
        if cell.key is not None and cell.label is not None:
            table[cell.key, cell.label] += cell.rows
    rows = sum(table.values())
    predicted = {a for a, _ in table}
    actual = {b for _, b in table}
    if rows < ROWS or not 2 <= len(actual) <= 50 or len(predicted) > 50:
        return None
    totals: Counter[Key] = Counter()
    for (_, actually), n in table.items():
        totals[actually] += n
    # What a model is worth that knows nothing but which class is the most frequent.
    blind = max(totals.values())
    best: dict[Key, Key] = {}
    matched: set[Key] = set()
    for (a, b), _ in sorted(table.items(), key=lambda p: (-p[1], str(p[0]))):
        if a not in best and b not in matched:
            best[a] = b
            matched.add(b)
    moved = {a: b for a, b in best.items() if a != b and a in actual}
    if not moved:
        return None
    as_is = sum(n for (a, b), n in table.items() if a == b)
    renamed = sum(n for (a, b), n in table.items() if best.get(a) == b)
    good = renamed >= SWAPPED * rows and renamed > blind + 0.25 * (rows - blind)
    among = sum(n for (a, _), n in table.items() if a in moved)
    right = sum(n for (a, b), n in table.items() if a in moved and a == b)
    if (
        not good
        or as_is >= renamed
        or right > 0.3 * among
        or not at_least(renamed - as_is, rows, 0.02)
    ):
        return None
    column = item.field.column.column
    sql = _names(item, moved)
    named = ", ".join(
        f"{_key_text(a)} for {_key_text(b)}" for a, b in sorted(moved.items(), key=str)[:3]
    )
    finding = warning(
        "swapped-classes",
        f"{tally.purpose}: {item.name} agrees with {name} in {percent(as_is, rows)} of the rows, "
        f"and in {percent(renamed, rows)} with {named}",
        "is the order of the classes another one where predictions or labels are written? "
        + in_query(tally.purpose, sql, column),
        data.mended(tally.purpose, column, sql),
    )
    return finding, moved


def _names(item: FieldTally, moved: Mapping[Key, Key]) -> str:
    """Return SQL that renames classes."""
    column, source = quoted(item.field.column.column), item.field.column.source_type
    if str(source) == "boolean":
        return f"NOT {column}"
    ordered = sorted(moved.items(), key=str)
    if item.field.kind == "number":
        cases = " ".join(f"WHEN {_key_text(a)} THEN {_key_text(b)}" for a, b in ordered)
        return f"CAST(CASE {column} {cases} ELSE {column} END AS {source})"
    text = column if source.is_text else f"CAST({column} AS STRING)"
    cases = " ".join(f"WHEN {text_literal(str(a))} THEN {text_literal(str(b))}" for a, b in ordered)
    return f"CAST(CASE {text} {cases} ELSE {text} END AS {source})"


def _key_text(key: Key) -> str:
    if isinstance(key, int):
        value = value_of(key)
        return number_literal(
            float(round(value)) if abs(value - round(value)) < 0.01 * max(1, abs(value)) else value
        )
    return str(key)
