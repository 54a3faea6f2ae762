"""Spellings by which ids of actuals would match predictions, tried by one query over the ids."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

_FORMS: Final = (
    "trim({x})",
    "lower({x})",
    "upper({x})",
    "lower(trim({x}))",
    "upper(trim({x}))",
    "ltrim('0', {x})",
    "ltrim('0', trim({x}))",
    "substring_index({x}, '.', 1)",
    "replace({x}, '-', '')",
    "lower(replace({x}, '-', ''))",
    "upper(replace({x}, '-', ''))",
    "replace({x}, ' ', '')",
    "translate({x}, ' \\t\\r\\n', '')",
    "replace({x}, '_', '-')",
    "replace({x}, '-', '_')",
    "translate({x}, '{{}}()\"', '')",
    *(f"substring_index({{x}}, '{mark}', -1)" for mark in ":/-_#@."),
    *(f"substring_index({{x}}, '{mark}', 1)" for mark in ":/-_#@"),
    "regexp_replace({x}, '^[A-Za-z]+', '')",
    "ltrim('0', regexp_replace({x}, '^[A-Za-z]+[^0-9A-Za-z]*', ''))",
)
"""What is done to an id, `x`, of one side."""


@dataclass(frozen=True, slots=True)
class Form:
    """One way to write the ids.

    Args:
        template: Spark SQL over `{x}`.
        side: Whose ids are written so: `serving` or `actuals`.
    """

    template: str
    side: str

    def sql(self, column: str) -> str:
        """Return the form's SQL for a column."""
        return self.template.format(x=column)


def forms(first: tuple[str, str] | None, second: tuple[str, str] | None) -> list[Form]:
    """Return the ways that are tried, the plainest first.

    Args:
        first: The least and the greatest id of the predictions; their common prefix is that of all.
        second: Likewise, of the actuals.
    """
    forms_ = [Form(template, side) for template in _FORMS for side in ("actuals", "serving")]
    for side, ends in (("actuals", second), ("serving", first)):
        length = 0 if ends is None else _common(*ends)
        if length:
            forms_.append(Form(f"substring({{x}}, {length + 1})", side))
            forms_.append(Form(f"lower(substring({{x}}, {length + 1}))", side))
            forms_.append(Form(f"ltrim('0', substring({{x}}, {length + 1}))", side))
    return forms_


def _common(low: str, high: str) -> int:
    """Return the length of two ids' common prefix, without digits at its end."""
    length = 0
    while length < min(len(low), len(high)) and low[length] == high[length]:
        length += 1
    while length and low[length - 1].isdigit():
        length -= 1
    return length


def ends_sql(serving: str, actuals: str) -> str:
    """Return SQL for the least and the greatest id of both sides.

    Args:
        serving: SQL that gives the predictions' ids as `id`.
        actuals: Likewise, those of the actuals.
    """
    return (
        f"SELECT 0 AS side, min(id) AS low, max(id) AS high FROM (\n{serving}\n) AS s UNION ALL "
        f"SELECT 1 AS side, min(id) AS low, max(id) AS high FROM (\n{actuals}\n) AS a"
    )


def forms_sql(serving: str, actuals: str, tried: list[Form]) -> str:
    """Return SQL that counts, unchanged and for each form, the ids of each side and of both.

    Args:
        serving: SQL that gives the predictions' ids as `id`.
        actuals: Likewise, those of the actuals.
        tried: The forms.
    """
    keys = ["k"] + [f"k{i}" for i in range(len(tried))]
    sides = []
    for side, query in (("serving", serving), ("actuals", actuals)):
        names = ["id AS k"] + [
            f"{form.sql('id') if form.side == side else 'id'} AS k{i}"
            for i, form in enumerate(tried)
        ]
        own, other = ("1", "0") if side == "serving" else ("0", "1")
        names += [f"{own} AS s", f"{other} AS a"]
        sides.append(
            f"SELECT {', '.join(names)} FROM (SELECT DISTINCT id FROM (\n{query}\n) AS q) AS d "
            "WHERE id IS NOT NULL"
        )
    listed, sets = ", ".join(keys), ", ".join(f"({k})" for k in keys)
    return (
        "SELECT kind, sum(s) AS serving, sum(a) AS actuals, sum(s * a) AS both FROM ("
        f"SELECT grouping_id() AS kind, {listed}, max(s) AS s, max(a) AS a FROM "
        f"({' UNION ALL '.join(sides)}) AS u GROUP BY {listed} GROUPING SETS ({sets})"
        ") AS g GROUP BY kind"
    )


def best(tried: list[Form], counts: dict[int, tuple[int, int, int]]) -> tuple[Form, int] | None:
    """Return the form that matches most unmatched ids, and how many; None if none does.

    Forms that merge ids are left out.

    Args:
        tried: The forms.
        counts: For each set of `forms_sql`, the ids of the predictions, the actuals, and of both.
    """
    last = len(tried)
    every = (1 << (last + 1)) - 1

    def of(place: int) -> tuple[int, int, int]:
        return counts.get(every - (1 << (last - place)), (0, 0, 0))

    serving, actuals, both = of(0)
    candidates: list[tuple[int, int, Form]] = []
    for number, form in enumerate(tried):
        now = of(number + 1)
        if now[0] >= 0.995 * serving and now[1] >= 0.995 * actuals and now[2] > both:
            candidates.append((now[2] - both, -number, form))
    if not candidates:
        return None
    most, _, form = max(candidates, key=lambda f: f[:2])
    return (form, most) if most >= max(3, 0.3 * (actuals - both)) else None
