"""Where pieces of a text are once edits were made: each character keeps its own maker."""

from __future__ import annotations

import random

from headwater.diagnostics import Span
from headwater.sql.rewriting import Edit, apply, edited_spans, shifted


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
