"""Where pieces of a text are once edits were made: each character keeps its own maker."""

from __future__ import annotations

import random

import pytest
from core.tests.sql.support import analysed

from headwater.diagnostics import Span
from headwater.sql.rewriting import Edit, aliases_for, apply, edited_spans, shifted


def edits_on(text: str, chance: random.Random) -> list[Edit]:
    places = sorted(chance.sample(range(len(text) + 1), min(len(text) + 1, chance.randint(1, 4))))
    return [
        Edit(start, chance.randint(start, end), chance.choice(["", "Z", "ZZZ"]))
        for start, end in zip(places, [*places[1:], len(text)], strict=True)
        if start < end or start == len(text)
    ]


def test_a_piece_keeps_its_characters_and_takes_in_no_others() -> None:
    chance = random.Random(7)
    for _ in range(2_000):
        text = "".join(chance.choice("abcdefgh") for _ in range(chance.randint(1, 12)))
        start = chance.randint(0, len(text))
        piece = Span(start, chance.randint(start, len(text)))
        edits = edits_on(text, chance)
        after = apply(text, edits)
        kept = shifted([piece], edits)
        put_in = edited_spans(edits)
        inside = [i for s in kept for i in range(s.start, s.end)]
        gone = {i for e in edits for i in range(e.start, e.end)}
        left = "".join(text[i] for i in range(piece.start, piece.end) if i not in gone)
        assert "".join(after[i] for i in inside) == left
        assert not set(inside) & {i for s in put_in for i in range(s.start, s.end)}
        assert "".join(after[s.start : s.end] for s in put_in) == "".join(
            e.text for e in sorted(edits)
        )


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("SELECT lake.nums.i, i FROM nums", "SELECT `own`.i, i FROM nums"),
        ("SELECT lake . `Nums`.i, nums.s FROM NUMS", "SELECT `own`.i, `own`.s FROM NUMS"),
        ("SELECT lake.nums.*, count(nums.*) FROM nums", "SELECT `own`.*, count(`own`.*) FROM nums"),
        ("SELECT lake.all_types.r.* FROM all_types", "SELECT `own`.r.* FROM all_types"),
        ("SELECT * EXCEPT (lake.nums.i) FROM nums", "SELECT * EXCEPT (`own`.i) FROM nums"),
    ],
)
def test_a_table_gets_a_name_of_its_own_where_its_database_is_written(
    query: str, expected: str
) -> None:
    analysis = analysed(query)
    aliases, edits = aliases_for(analysis, dict.fromkeys(analysis.parsed.references, "own"))
    assert {*aliases.values()} == {"`own`"}
    assert apply(query, edits) == expected


@pytest.mark.parametrize(
    "query",
    [
        "SELECT nums.i, lake.times.k FROM lake.nums, lake.times",
        "SELECT nums.* FROM lake.nums, lake.nums WHERE lake.nums.i = 1",  # the star is of both
    ],
)
def test_a_table_keeps_its_name_elsewhere(query: str) -> None:
    analysis = analysed(query)
    names = {r: "own" for r in analysis.parsed.references if r.name.name == "nums"}
    aliases, edits = aliases_for(analysis, names)
    assert {*aliases.values()} == {"`nums`"}
    assert edits == []
