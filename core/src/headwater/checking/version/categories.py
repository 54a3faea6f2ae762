"""The stages `types` and `categories`: texts spelled differently, or unseen in training."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Iterator, Mapping
from typing import Final

from headwater.checking.version.findings import (
    Datasets,
    Finding,
    Mend,
    in_query,
    percent,
    warning,
)
from headwater.checking.version.sampling import at_least, bounds
from headwater.checking.version.tally import FieldTally, Tally
from headwater.checking.version.tally_query import TEXT
from headwater.sql.rewriting import quoted, text_literal
from headwater.types import BOOLEAN, DataType

SPELLED: Final = 0.002
"""Share of rows whose value training spells in another way."""
UNSEEN: Final = 0.05
"""Share of rows whose value training has not, beyond what a sample of it would miss."""
MANY: Final = 5_000
"""Values from which on a field is no vocabulary."""
_SAME: Final = (
    {"true", "t", "yes", "y", "1", "on"},
    {"false", "f", "no", "n", "0", "off"},
)


def _cases() -> tuple[tuple[str, Callable[[str], str]], ...]:
    return (
        ("trim({x})", lambda v: v.strip(" ")),
        ("lower({x})", str.lower),
        ("upper({x})", str.upper),
        ("lower(trim({x}))", lambda v: v.strip(" ").lower()),
        ("upper(trim({x}))", lambda v: v.strip(" ").upper()),
        ("ltrim('0', {x})", lambda v: v.lstrip("0")),
        ("substring_index({x}, '.', 1)", lambda v: v.partition(".")[0]),
        ("replace({x}, '_', ' ')", lambda v: v.replace("_", " ")),
        ("replace({x}, ' ', '_')", lambda v: v.replace(" ", "_")),
        ("replace({x}, '-', '_')", lambda v: v.replace("-", "_")),
        ("replace({x}, '_', '-')", lambda v: v.replace("_", "-")),
    )


def types(data: Datasets) -> Iterator[Finding]:
    """Yield fields whose columns are of types that don't compare.

    Args:
        data: The datasets.
    """
    for tally, reference in data.compared():
        for item in tally.fields.values():
            before = reference.fields.get(item.name)
            if before is None:
                continue
            type_, reference_type = item.field.column.source_type, before.field.column.source_type
            if not (type_.is_known and reference_type.is_known) or _family(type_) == _family(
                reference_type
            ):
                continue
            column, owner = item.field.column.column, data.owner(tally, item)
            cast = f"CAST({quoted(column)} AS {reference_type})"
            yield warning(
                "type-differs",
                f"{owner}: {item.name} is {type_}, in {reference.purpose} it is {reference_type}",
                in_query(owner, cast, column),
                data.mended(owner, column, cast),
            )


def types_summary(data: Datasets) -> str:
    """Return the figures in a line."""
    count = sum(len(t.fields) for t, _ in data.compared())
    return f"{count} columns compared"


def _family(type_: DataType) -> str:
    if type_.is_text:
        return "text"
    if type_ == BOOLEAN:
        return "boolean"
    if type_.is_numeric:
        return "number"
    return "moment" if type_.name in ("date", "timestamp") else type_.name


def examine(data: Datasets) -> Iterator[Finding]:
    """Yield categories that training does not know.

    Args:
        data: The datasets.
    """
    for tally, reference in data.compared():
        for item in tally.fields.values():
            before = reference.fields.get(item.name)
            if before is None or item.field.kind != "text" or before.field.kind != "text":
                continue
            if not before.whole or not item.whole:
                continue
            yield from _unknown(data, tally, reference, item, before)


def summary(data: Datasets) -> str:
    """Return the figures in a line."""
    count = sum(
        f.field.kind == "text" and f.name in r.fields
        for t, r in data.compared()
        for f in t.fields.values()
    )
    return f"{count} vocabularies compared"


def _unknown(
    data: Datasets, tally: Tally, reference: Tally, item: FieldTally, before: FieldTally
) -> Iterator[Finding]:
    usual_counts = {str(k): n for k, n in before.counts.items() if k is not None}
    item_counts = {str(k): n for k, n in item.counts.items() if k is not None}
    rows, counted = sum(item_counts.values()), sum(usual_counts.values())
    if not rows or not counted:
        return
    column, owner = item.field.column.column, data.owner(tally, item)
    unseen = {k: n for k, n in item_counts.items() if k not in usual_counts}
    spelled = _spellings(unseen, usual_counts)
    count = sum(unseen[k] for k in spelled)
    if count >= 5 and at_least(count, rows, SPELLED):
        query = data.queries.get(owner, "")
        expression = _expression(quoted(column), item, spelled, item_counts, usual_counts, query)
        example, usual = max(spelled.items(), key=lambda pair: (unseen[pair[0]], pair[0]))
        yield warning(
            "category-spelling",
            f"{owner}: {item.name} is spelled in another way than in {reference.purpose} in "
            f"{percent(count, rows)} of the rows: {example!r} for {usual!r}",
            in_query(owner, expression, column),
            data.mended(owner, column, expression),
        )
    unseen = {k: n for k, n in unseen.items() if k not in spelled and k.strip()}
    count = sum(unseen.values())
    # As many as training has once, so many it has not at all (Good and Turing).
    once = sum(1 for n in usual_counts.values() if n == 1)
    missed = bounds(once, counted, 3.0)[1]
    if len(usual_counts) > MANY or not at_least(
        count, rows, UNSEEN + 2 * missed if once else UNSEEN
    ):
        return
    frequent = sorted(unseen, key=lambda k: (-unseen[k], k))
    names = ", ".join(repr(k) for k in frequent[:3]) + (", ..." if len(frequent) > 3 else "")
    yield warning(
        "unseen-categories",
        f"{owner}: {percent(count, rows)} of {item.name} are of no value that "
        f"{reference.purpose} has: {names}",
        "is it the column of another version or vocabulary? Map it in the query as training did: "
        + (_mapping_hint(owner, column, item, usual_counts)),
        _mapped(data, owner, column, item, usual_counts),
    )


def _mapping_hint(owner: str, column: str, item: FieldTally, counts: Mapping[str, int]) -> str:
    return in_query(
        owner, _known_only(column, item, list(counts)[:2], more=len(counts) > 2), column
    )


def _mapped(
    data: Datasets, owner: str, column: str, item: FieldTally, counts: Mapping[str, int]
) -> Mend | None:
    if len(counts) > 200:
        return None
    usual = max(counts, key=lambda k: (counts[k], k))
    known_only = _known_only(column, item, sorted(counts), more=False)
    source = item.field.column.source_type
    other = text_literal(usual) if source.is_text else f"CAST({text_literal(usual)} AS {source})"
    return data.mended(
        owner,
        column,
        f"CASE WHEN {quoted(column)} IS NOT NULL THEN coalesce({known_only}, {other}) END",
    )


def _known_only(column: str, item: FieldTally, values: list[str], *, more: bool) -> str:
    text = quoted(column)
    if not item.field.column.source_type.is_text:
        text = f"CAST({text} AS STRING)"
    listed = ", ".join(text_literal(v) for v in values) + (", ..." if more else "")
    return f"CASE WHEN {text} IN ({listed}) THEN {quoted(column)} END"


def _spellings(unseen: Mapping[str, int], counts: Mapping[str, int]) -> dict[str, str]:
    """Return unseen values that training has in another spelling, each with that spelling."""
    usual: dict[str, str] = {}
    for value in sorted(counts, key=lambda v: (counts[v], v)):
        usual[_normalised(value)] = value
    synonyms: dict[str, str] = {}
    if len(counts) <= 3:
        for value in counts:
            for same in _SAME:
                if value.strip().casefold() in same:
                    synonyms |= dict.fromkeys(same, value)
    spellings = {}
    for value in unseen:
        plain = _normalised(value)
        same_value = usual.get(plain) or synonyms.get(value.strip().casefold())
        if same_value is not None and plain:
            spellings[value] = same_value
    return spellings


def _normalised(value: str) -> str:
    """Normalise what spellings differ in: case, blanks, accents, zeros, dashes."""
    text = unicodedata.normalize("NFKD", value).strip().casefold()
    text = "".join(c for c in text if not unicodedata.combining(c))
    text = re.sub(r"[\s_\-.]+", " ", re.sub(r"[.]0+$", "", text)).strip().strip("\"'").strip()
    return re.sub(r"^0+(?=\d)", "", text)


def _expression(
    column: str,
    item: FieldTally,
    spelled: Mapping[str, str],
    item_counts: Mapping[str, int],
    counts: Mapping[str, int],
    query: str,
) -> str:
    """Return SQL that spells as training does: by one function, if one does, else by a list."""
    # What is upper() of lower() is the engine's to decide: Spark may leave out one of the two.
    cased = re.search(r"\b(upper|lower|ucase|lcase|initcap)\b", query, re.IGNORECASE)
    source = item.field.column.source_type
    if source.is_text and all(len(v) < TEXT for v in spelled):
        unchanged = [v for v in item_counts if v in counts]
        for sql, function in _cases():
            if cased and ("upper" in sql or "lower" in sql):
                continue
            if all(function(v) == usual for v, usual in spelled.items()) and all(
                function(v) in counts for v in unchanged
            ):
                return sql.format(x=column)
    text = column if source.is_text else f"CAST({column} AS STRING)"
    cases = " ".join(
        f"WHEN {text_literal(v)} THEN {text_literal(usual)}" for v, usual in sorted(spelled.items())
    )
    return f"CASE {text} {cases} ELSE {text} END"
