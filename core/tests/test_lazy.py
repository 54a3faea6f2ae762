"""Names that are imported from their homes when they are first used."""

import gc
import sys
import types
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from headwater.lazy import names_of


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """Return a function that makes a package of one lazy name, whose home runs some code."""
    monkeypatch.syspath_prepend(tmp_path)
    collected = gc.isenabled()

    def made(code: str) -> Any:
        (tmp_path / "acme_home.py").write_text(f"import gc\n{code}\n", encoding="utf-8")
        monkeypatch.delitem(sys.modules, "acme_home", raising=False)
        monkeypatch.setitem(sys.modules, "acme", types.ModuleType("acme"))
        get, _ = names_of("acme", {"word": "acme_home"})
        return get

    yield made
    sys.modules.pop("acme_home", None)
    (gc.enable if collected else gc.disable)()


@pytest.mark.parametrize("collected", [True, False])
def test_no_garbage_is_looked_for_while_a_home_is_imported(home: Any, collected: bool) -> None:
    (gc.enable if collected else gc.disable)()
    assert home("word = gc.isenabled()")("word") is False
    assert gc.isenabled() is collected


@pytest.mark.parametrize("frozen", [False, True])
def test_what_a_home_made_counts_as_old_unless_a_program_froze_some(
    home: Any, frozen: bool
) -> None:
    gc.enable()
    before = gc.get_freeze_count()  # the tests' own, by conftest
    (gc.freeze if frozen else gc.unfreeze)()
    try:
        count = gc.get_freeze_count()
        made = home("class Node: pass\nword = Node()\nword.self = word")("word")
        assert gc.get_freeze_count() == count
        old = gc.get_objects(generation=2)
        assert any(some is made for some in old) is not frozen
    finally:
        (gc.freeze if before else gc.unfreeze)()


def test_a_home_that_fails_leaves_the_collector_as_it_was(home: Any) -> None:
    gc.enable()
    with pytest.raises(RuntimeError, match="no licence"):
        home("raise RuntimeError('no licence')")("word")
    assert gc.isenabled()


def test_a_home_that_asks_for_another_keeps_the_collector_still(home: Any) -> None:
    gc.enable()
    inner, _ = names_of("headwater.types", {"INT": "headwater.types.data_types"})
    get = home("import sys\ninner = sys.modules['acme'].inner('INT')\nword = gc.isenabled()")
    vars(sys.modules["acme"])["inner"] = inner
    assert get("word") is False
    assert gc.isenabled()
