"""Modules that moved: an import of 0.1 goes on working, and says where the names are now."""

import importlib
import sys
from pathlib import Path

import pytest

from headwater.moved import MOVED

DEPRECATIONS = Path(__file__).parents[2] / "docs/deprecations.md"


@pytest.mark.parametrize("old", MOVED)
def test_a_module_that_moved_gives_what_it_had_and_warns(old):
    sys.modules.pop(old, None)
    with pytest.warns(DeprecationWarning, match=f"^{old} is now {MOVED[old]}, and goes in"):
        module = importlib.import_module(old)
    new = importlib.import_module(MOVED[old])
    own = [n for n, v in vars(new).items() if getattr(v, "__module__", None) == MOVED[old]]
    assert own
    assert all(getattr(module, name) is getattr(new, name) for name in own)


@pytest.mark.parametrize("old", MOVED)
def test_a_star_takes_from_a_module_that_moved_what_it_takes_from_the_new_one(old):
    taken: dict[str, object] = {}
    expected: dict[str, object] = {}
    sys.modules.pop(old, None)
    with pytest.warns(DeprecationWarning, match=f"^{old} is now"):
        exec(f"from {old} import *", taken)
    exec(f"from {MOVED[old]} import *", expected)
    names = expected.keys() - {"__builtins__"}
    assert names
    assert {n for n in names if taken.get(n) is not expected[n]} == set()
    assert names <= {*dir(sys.modules[old])}


def test_a_name_that_a_moved_module_never_had_is_missing():
    sys.modules.pop("headwater.table", None)
    with pytest.warns(DeprecationWarning, match="headwater.tables.table"):
        module = importlib.import_module("headwater.table")
    with pytest.raises(AttributeError, match="Tabel"):
        module.Tabel  # noqa: B018


def test_the_deprecations_name_every_module_that_moved():
    told = DEPRECATIONS.read_text(encoding="utf-8")
    assert not [old for old, new in MOVED.items() if f"| `{old}` | `{new}` |" not in told]
