"""The stage `leak`: features that know the label."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from itertools import pairwise
from typing import Final

from headwater.checking.version.findings import Datasets, Finding, in_query, percent, warning
from headwater.checking.version.sampling import bounds, in_order
from headwater.checking.version.tally import Cell, FieldTally, Key, Label, Tally
from headwater.checking.version.tally_query import is_class
from headwater.interfaces.schema import Role
from headwater.sql.rewriting import quoted

ROWS: Final = 200
"""Labelled rows from which on it is judged whether a feature tells the label."""
FEW: Final = 20
"""Rows of the rarer classes that must be there; unlabelled ones, likewise."""
CERTAIN: Final = 0.999
"""Share of pairs in the right order, or of the uncertainty that a feature takes away."""


def examine(data: Datasets) -> Iterator[Finding]:
    """Yield features that are the label in another form, or known only where it is.

    Args:
        data: The datasets.
    """
    reported: set[str] = set()
    for purpose in ("training", "testing", "serving"):
        tally = data.tallies.get(purpose)
        if tally is None:
            continue
        for item in tally.of_role(Role.RAW_INPUT, Role.FEATURE):
            for label in item.cells:
                name = tally.label_names.get(label)
                if name is None or item.name in reported:
                    continue
                finding = _known_with(data, tally, item, label, name) or _tells(
                    data, tally, item, label, name
                )
                if finding is not None:
                    reported.add(item.name)
                    yield finding


def summary(data: Datasets) -> str:
    """Return the figures in a line."""
    parts = [
        f"{t.purpose}: {len(t.of_role(Role.RAW_INPUT, Role.FEATURE))} inputs beside "
        f"{', '.join(t.label_names.values())}"
        for t in data.tallies.values()
        if t.label_names
    ]
    return "; ".join(parts) or "no dataset has labels"


def _known_with(
    data: Datasets, tally: Tally, item: FieldTally, label: int, name: str
) -> Finding | None:
    """Return a finding if a feature is filled in together with the label, else NULL."""
    cells = item.cells[label]
    classes = _is_class(tally, name)
    known = [c for c in cells if _is_known(c, classes)]
    unknown = [c for c in cells if not _is_known(c, classes)]
    rows, others = sum(c.rows for c in known), sum(c.rows for c in unknown)
    filled = sum(c.rows for c in known if c.key is not None)
    before = sum(c.rows for c in unknown if c.key is not None)
    if min(rows, others) < FEW or filled < FEW:
        return None
    # Known only where the label is: not for a few of the others, and surely for more of these.
    if before > 0.01 * others or bounds(filled, rows)[0] < 3 * bounds(before, others)[1]:
        return None
    if filled < 0.2 * rows:
        return None
    column = item.field.column.column
    source = item.field.column.source_type
    return warning(
        "known-with-label",
        f"{tally.purpose}: {item.name} is known for {percent(filled, rows)} of the rows "
        f"whose label is known, and for {percent(before, others)} of the others",
        "it is filled in with the label, so no prediction can have it: leave it out of the model, "
        f"or take it as it was then; in the query of {tally.purpose}: CAST(NULL AS {source}) AS "
        f"{quoted(column)}",
        data.mended(tally.purpose, column, f"CAST(NULL AS {source})"),
    )


def _is_known(cell: Cell, classes: bool) -> bool:
    """Return whether a cell's label is known: a class, or that there is an amount."""
    return cell.label is not None if classes else bool(cell.label)


def _is_class(tally: Tally, name: str) -> bool:
    return is_class(tally.fields[name].field, tally.model_type)


def _tells(data: Datasets, tally: Tally, item: FieldTally, label: int, name: str) -> Finding | None:
    if item.field.kind == "other" or not item.whole:
        return None
    if _is_class(tally, name):
        cells = [c for c in item.cells[label] if c.label is not None]
        how = _of_classes(item, cells)
    else:
        cells = [c for c in item.cells[label] if c.label and c.key is not None]
        how = _of_amounts(cells) if item.field.kind == "number" else None
    if how is None:
        return None
    column, source = item.field.column.column, item.field.column.source_type
    return warning(
        "leaking-feature",
        f"{tally.purpose}: {item.name} tells {name}: {how}",
        "is it made of the label, or of what is known with it? Leave it out of the model (a new "
        f"model_version); {in_query(tally.purpose, f'CAST(NULL AS {source})', column)}",
        data.mended(tally.purpose, column, f"CAST(NULL AS {source})"),
    )


def _of_classes(item: FieldTally, cells: Sequence[Cell]) -> str | None:
    """Return how a feature determines a class: by each value, or by the order of its numbers."""
    by_label: defaultdict[Label, int] = defaultdict(int)
    by_key: defaultdict[Key, defaultdict[Label, int]] = defaultdict(lambda: defaultdict(int))
    for cell in cells:
        by_label[cell.label] += cell.rows
        by_key[cell.key][cell.label] += cell.rows
    rows = sum(by_label.values())
    most = max(by_label.values(), default=0)
    if rows < ROWS or rows - most < FEW:
        return None
    # Values that are there once tell nothing: their class is always one.
    common = [sides for sides in by_key.values() if sum(sides.values()) >= 5]
    among = sum(sum(sides.values()) for sides in common)
    if among >= 0.5 * rows and len(by_key) <= max(50, rows // 20):
        wrong_rows = sum(sum(sides.values()) - max(sides.values()) for sides in common)
        totals: defaultdict[Label, int] = defaultdict(int)
        for sides in common:
            for side, n in sides.items():
                totals[side] += n
        ambiguous = among - max(totals.values())
        if (
            ambiguous >= FEW
            and wrong_rows <= max(1 - CERTAIN, 0.001) * among
            and wrong_rows <= 0.02 * ambiguous
        ):
            return (
                f"each of its values has one class, in {percent(among - wrong_rows, among)} of rows"
            )
    if item.field.kind == "text":
        return None
    for label in by_label:
        share = _ordered(by_key, label)
        if share is not None and min(by_label[label], rows - by_label[label]) >= FEW:
            return (
                f"its order alone parts {label!r} from the others in {100 * share:.4g} % of pairs"
            )
    return None


def _ordered(by_key: defaultdict[Key, defaultdict[Label, int]], label: Label) -> float | None:
    """Return the share of pairs of two classes that a number puts in order, if nearly all."""
    labels = [by_key[key] for key in sorted(k for k in by_key if isinstance(k, int))]
    sides = [(own := rows.get(label, 0), sum(rows.values()) - own) for rows in labels]
    if min(sum(own for own, _ in sides), sum(others for _, others in sides)) < FEW:
        return None
    share = in_order(sides)
    share = max(share, 1 - share)
    return share if share >= CERTAIN else None


def _of_amounts(cells: Sequence[Cell]) -> str | None:
    """Return a finding if a label follows from a number: neighbours in one are so in the other."""
    spans = sorted(
        (c.key, c.low, c.high, c.rows)
        for c in cells
        if isinstance(c.key, int) and c.low is not None and c.high is not None
    )
    rows = sum(n for *_, n in spans)
    if rows < ROWS or len(spans) < 30:
        return None
    labels = sorted(low for _, low, _, _ in spans)
    spread = labels[int(0.9 * len(labels))] - labels[int(0.1 * len(labels))]
    if spread < 30:
        return None
    # As wide as two steps of both scales, or a hundredth of all.
    close = max(3, spread // 100)
    narrow = sum(n for _, low, high, n in spans if high - low <= close and n > 1)
    several = sum(n for *_, n in spans if n > 1)
    if several >= ROWS // 2 and narrow < 0.99 * several:
        return None
    middles = [(low + high) / 2 for _, low, high, _ in spans]
    steps = [b - a for a, b in pairwise(middles)]
    up = sum(s >= -close for s in steps)
    down = sum(s <= close for s in steps)
    jumps = sum(abs(s) > spread / 5 for s in steps)
    if max(up, down) < 0.99 * len(steps) or jumps > 0.02 * len(steps):
        return None
    return f"each of its {len(spans):,} values has one, in order"
