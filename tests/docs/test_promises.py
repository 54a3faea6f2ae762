"""The page of the contract's promises lists those that there are."""

from __future__ import annotations

from tests.docs.promises import CONTRACTS, PAGE, filled


def test_the_page_lists_the_promises_that_there_are() -> None:
    text = PAGE.read_text(encoding="utf-8")
    assert [c.__name__ for c in CONTRACTS if f"promises of {c.__name__} -->" not in text] == []
    assert text == filled(text), "write it anew: python -m tests.docs.promises"
