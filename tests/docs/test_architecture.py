"""The page on architecture draws the house as it is: what it names is there."""

import importlib
import pkgutil
import re
from pathlib import Path

import pytest

import headwater

PAGE = Path(__file__).parents[2] / "docs/concepts/architecture.md"
ROOMS = {module.name for module in pkgutil.iter_modules(headwater.__path__)}
DOTTED = re.compile(r"`([a-z_]+(?:\.[A-Za-z_]+)*)`")


def places() -> list[str]:
    """Return what the page names of the house, with the package in front."""
    named = dict.fromkeys(DOTTED.findall(PAGE.read_text(encoding="utf-8")))
    return [
        name if name.startswith("headwater") else f"headwater.{name}"
        for name in named
        if name != "headwater.yaml"
        and (name.startswith("headwater") or (name.partition(".")[0] in ROOMS and "." in name))
    ]


@pytest.mark.parametrize("place", places())
def test_a_place_that_the_page_names_is_there(place: str) -> None:
    parts = place.split(".")
    for end in range(len(parts), 0, -1):
        try:
            value = importlib.import_module(".".join(parts[:end]))
        except ModuleNotFoundError:
            continue
        for name in parts[end:]:
            value = getattr(value, name)
        return
    pytest.fail(f"{place} is no module of ours")


def test_the_page_names_enough_to_find_ones_way() -> None:
    assert len(places()) > 30
    assert "headwater.sql.parser.parse" in places()
