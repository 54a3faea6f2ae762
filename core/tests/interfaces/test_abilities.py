"""Abilities are recognised by their names, and refused where they would be missed or misused."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import pytest

from headwater.auth.credentials import Access, Session
from headwater.interfaces.abilities import ABILITIES, recognised
from headwater.interfaces.data_source import DataSource
from headwater.interfaces.engine import ArrowStream, Engine
from headwater.interfaces.offers import offers
from headwater.sources.memory import MemoryDataSource
from headwater.tables.table import Catalog, Measurable, Sampled, Table


class Lister:
    """A catalog with all three abilities, one of them with more than is asked for."""

    def some_partitions(self, table: Any, where: Any, at_most: int, *, order: str = "") -> Any:
        """Fits: what it takes besides has a default."""

    def survey(self, databases: Iterable[str] | None = None) -> Iterator[Any]:
        """Fits."""
        return iter(())

    @classmethod
    def measure(cls, table: Table) -> None:
        """Fits, though it needs no instance."""

    def counted(self) -> int:
        """Looks like no ability."""
        return 0


def test_abilities_are_named() -> None:
    found = recognised(Lister(), Catalog)
    assert found.misfits == ()
    assert str(found) == "measure, some_partitions, survey"
    assert str(recognised(object(), Catalog)) == "none"


class Standing:
    """Stands before another object, and hands on what it is asked."""

    def __init__(self, behind: object) -> None:
        self._behind = behind

    def __getattr__(self, name: str) -> Any:
        return getattr(self._behind, name)


def test_what_an_object_hands_on_is_offered_and_recognised() -> None:
    standing = Standing(Lister())
    assert offers(standing, Sampled)
    assert offers(standing, Measurable)
    assert not offers(Standing(object()), Sampled)
    assert str(recognised(standing, Catalog)) == "measure, some_partitions, survey"


@pytest.mark.parametrize(
    ("interface", "members", "misfit"),
    [
        (Catalog, {"survey": lambda self: ()}, "survey() can't be called as survey(databases"),
        (Catalog, {"survey": lambda self, databases: ()}, "survey(databases) can't be called"),
        (Catalog, {"survey": lambda self, dbs=None: ()}, "survey(dbs=None) can't be called"),
        (Catalog, {"survey": ()}, "survey must be a method, and is a tuple"),
        (Catalog, {"measure": property(lambda self: 1)}, "measure must be a method, and is a prop"),
        (Catalog, {"mesaure": lambda self, table: None}, "mesaure looks like the ability measure"),
        (Catalog, {"somePartitions": lambda self: ()}, "looks like the ability some_partitions"),
        (Engine, {"clsoe": lambda self: None}, "clsoe looks like the ability close, misspelt"),
        (Engine, {"write": lambda self, plan, access, target: 0}, "can't be called as"),
        (Session, {"narrows_to_plan": lambda self: False}, "must be an attribute or a property"),
        (Session, {"narrow_to_plan": True}, "narrow_to_plan looks like the ability narrows_to_p"),
        (ArrowStream, {"notes": lambda self: ()}, "notes must be an attribute or a property"),
    ],
)
def test_a_near_miss_is_told(interface: type, members: dict[str, Any], misfit: str) -> None:
    subject = type("Subject", (), members)()
    (found,) = recognised(subject, interface).misfits
    assert misfit in found


@pytest.mark.parametrize(
    ("interface", "members"),
    [
        (Engine, {"close": lambda self: None, "closed": lambda self: True}),  # it has close
        (Engine, {"closed": False}),  # a state, and no method
        (Engine, {"refusals": lambda self, plan: ()}),  # what an engine must have
        (Catalog, {"_measured": lambda self: ()}),
        (Session, {"collapsed": property(lambda self: 1 / 0)}),  # it is not asked
    ],
)
def test_what_is_no_near_miss(interface: type, members: dict[str, Any]) -> None:
    assert recognised(type("Subject", (), members)(), interface).misfits == ()


def test_an_async_method_is_no_ability() -> None:
    class Late:
        async def remarks(self) -> Sequence[Any]:
            """Nobody awaits it."""
            return ()

    assert recognised(Late(), Engine).misfits == ("remarks is async: nobody awaits it",)


class Careful(MemoryDataSource):
    """Overrides one method of `DataSource` rightly, one wrongly, and misspells a third."""

    def describe(self) -> dict[str, str]:
        """Fits."""
        return {}

    def examine(self) -> Iterator[Any]:  # type: ignore[override]
        """Takes no access."""
        return iter(())

    def why_no_file(self, scan: Any, window: Any, access: Access) -> None:
        """Misspelt."""


def test_a_sources_own_methods_are_abilities_too() -> None:
    found = recognised(Careful(tables={}, query="SELECT 1"), DataSource)
    assert {"describe", "examine"} <= set(found.names)
    assert "catalog" not in found.names
    assert found.misfits == (
        "examine() can't be called as examine(access)",
        "why_no_file looks like the ability why_no_files, misspelt: it is never used",
    )


def test_every_ability_adds_to_its_interface() -> None:
    for interface, abilities in ABILITIES.items():
        for ability in abilities:
            names = {n for n in (*vars(ability), *ability.__annotations__) if n[0] != "_"}
            assert names - set(dir(interface))
