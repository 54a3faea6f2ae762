"""Plugins whose modules are slow to import: nobody waits for what it does not need."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Callable, Iterator, Sequence
from importlib.machinery import ModuleSpec
from pathlib import Path

import pytest
from core.tests.fake_distributions import Site, site

from headwater.cli.main import run
from headwater.errors import PluginError
from headwater.interfaces.specs import SourceSpec
from headwater.plugins import declarations, loader
from headwater.plugins.declarations import Declaration
from headwater.plugins.registry import PluginRegistry

SOURCES = """
    from headwater import hookimpl
    from headwater.interfaces.specs import SourceSpec

    @hookimpl
    def headwater_sources():
        return [SourceSpec("shelf", "acme_source:Shelf")]
"""
OBSERVER = """
    from headwater import hookimpl

    @hookimpl
    def headwater_plan_created(plan):
        pass
"""
COMMANDS = """
    from headwater import hookimpl
    from headwater.interfaces import specs

    HEADWATER_API = 1

    @hookimpl
    def headwater_commands():
        '''Return one command.'''
        return [specs.CommandSpec("greet", "acme_greet:greet", summary="say hello")]
"""
COMPUTED = """
    from headwater import hookimpl
    from headwater.interfaces.specs import CommandSpec

    @hookimpl
    def headwater_commands():
        return [CommandSpec(word, "acme_greet:greet", "say " + word) for word in ("hi", "ho")]
"""
ELSEWHERE = "from acme_hooks import *"
ASSEMBLED = "import acme_hooks\nglobals().update(vars(acme_hooks))"


@pytest.fixture
def packages(tmp_path: Path) -> Iterator[Site]:
    with site(tmp_path) as found:
        yield found


def help_for_a_command(registry: PluginRegistry) -> None:
    assert run(["check", "--help"], registry) == 0


NEEDS: dict[str, tuple[Callable[[PluginRegistry], object], set[str]]] = {
    "commands": (PluginRegistry.commands, {"computed", "elsewhere", "assembled"}),
    "a command of core": (lambda r: r.command("check"), set()),
    "its help": (help_for_a_command, set()),
    "a command": (
        lambda r: r.command("greet"),
        {"commands", "computed", "elsewhere", "assembled"},
    ),
    "a source of core": (lambda r: r.source("files"), set()),
    "a source": (lambda r: r.source("shelf"), {"sources", "elsewhere", "assembled"}),
    "engines": (PluginRegistry.engines, {"elsewhere", "assembled"}),
    "validators": (PluginRegistry.validators, {"elsewhere", "assembled"}),
    "observers": (
        lambda r: list(r.managers("headwater_plan_created")),
        {"observer", "elsewhere", "assembled"},
    ),
    "a report": (
        PluginRegistry.report,
        {"sources", "observer", "commands", "computed", "elsewhere", "assembled"},
    ),
}


@pytest.mark.parametrize("need", NEEDS)
def test_a_module_is_imported_for_what_it_may_give(packages: Site, need: str) -> None:
    texts = {
        "sources": SOURCES,
        "observer": OBSERVER,
        "commands": COMMANDS,
        "computed": COMPUTED,
        "elsewhere": ELSEWHERE,
        "assembled": ASSEMBLED,
    }
    packages.add("acme_hooks", "")
    for word, text in texts.items():
        packages.install(f"acme-{word}", text)
    ask, imported = NEEDS[need]
    ask(PluginRegistry())
    assert {word for word in texts if f"acme_{word}" in sys.modules} == imported


@pytest.mark.parametrize("text", [COMMANDS, COMPUTED])
def test_help_lists_the_same_commands_as_a_module_that_is_imported_gives(
    packages: Site, text: str
) -> None:
    packages.install("acme-greeting", text)
    read = PluginRegistry()
    told = read.commands()
    loaded = PluginRegistry()
    loaded.report()
    assert told == loaded.commands()
    assert len(told) > len(PluginRegistry(discover=False).commands())


def test_help_names_a_command_whose_module_is_not_imported(
    packages: Site, capsys: pytest.CaptureFixture[str]
) -> None:
    packages.install("acme-greeting", COMMANDS + "\n    raise SystemError('imported')")
    assert run(["--help"], PluginRegistry()) == 0
    assert "greet          say hello" in capsys.readouterr().out
    assert run(["greet"], PluginRegistry()) == 2
    assert "SystemError: imported" in capsys.readouterr().err


def test_a_package_above_a_module_is_not_imported_either(packages: Site) -> None:
    package = packages.folder / "acme_deep"
    package.mkdir()
    (package / "__init__.py").write_text("raise SystemError('imported')")
    (package / "hooks.py").write_text("headwater_sources = None")
    packages.modules.append("acme_deep")
    declared = Declaration("acme_deep.hooks")
    assert declared.may_implement("headwater_sources")
    assert not declared.may_implement("headwater_engines")
    assert declared.commands == ()


@pytest.mark.parametrize(
    ("place", "text"),
    [
        ("acme_not_there", None),
        ("acme_odd:plugin", "plugin = object()"),
        ("acme_odd", "def __getattr__(name): ..."),
        ("acme_odd", "import sys; sys.modules[__name__] = object()"),
        ("acme_odd", "# coding: no-such-coding"),
    ],
)
def test_what_a_text_can_not_tell_is_asked_of_the_module(
    packages: Site, place: str, text: str | None
) -> None:
    if text is not None:
        packages.add("acme_odd", text)
    assert Declaration(place).may_implement("headwater_engines")
    assert Declaration(place).commands is None


@pytest.mark.parametrize(
    "change",
    [
        ("HEADWATER_API = 1", "HEADWATER_API = 2"),
        ("HEADWATER_API = 1", "HEADWATER_API = int('1')"),
        ("@hookimpl", "@hookimpl(tryfirst=True)"),
        ("@hookimpl", "@other"),
        ('"greet"', "WORD"),
        ('"greet"', "3"),
        ("summary=", "**"),
        ("return [", "return list["),
        ("'''Return one command.'''", "print()"),
        ("def headwater_commands():", "def headwater_commands(:"),
        ("def headwater_commands():", "if True:\n  headwater_commands = None\ndef other():"),
    ],
)
def test_commands_that_are_not_written_out_are_asked_for(
    packages: Site, change: tuple[str, str]
) -> None:
    assert change[0] in COMMANDS
    packages.add("acme_greeting", COMMANDS)
    assert Declaration("acme_greeting").commands
    packages.add("acme_odd", COMMANDS.replace(*change))
    assert Declaration("acme_odd").commands is None


def test_a_refused_plugin_offers_no_command(packages: Site) -> None:
    packages.install("acme-greeting", COMMANDS, requires=("headwater<0.0.5",))
    registry = PluginRegistry()
    assert "greet" not in [spec.kind for spec in registry.commands()]
    with pytest.raises(PluginError, match="no command 'greet'"):
        registry.command("greet")


def test_two_that_give_one_kind_are_found_though_neither_was_imported_before(
    packages: Site,
) -> None:
    packages.install("acme-one", SOURCES)
    packages.install("acme-two", SOURCES)
    registry = PluginRegistry()
    with pytest.raises(PluginError, match=r"acme-one 1\.0 and by acme-two 1\.0"):
        registry.source("shelf")
    packages.install("acme-three", COMMANDS)
    packages.install("acme-four", COMMANDS)
    assert "greet" not in [spec.kind for spec in PluginRegistry().commands()]


def test_a_spec_says_whose_it_is(packages: Site) -> None:
    packages.install("acme-one", SOURCES)
    registry = PluginRegistry()
    spec: SourceSpec = registry.source("shelf")
    assert registry.name(spec) == "source 'shelf' of acme-one 1.0"
    assert registry.name(registry.source("files")).startswith("source 'files' of headwater ")


def test_a_module_is_looked_for_anew_only_where_something_changed(
    packages: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    looked: list[str] = []
    find = declarations._module_spec

    def counted(name: str, path: Sequence[str] | None) -> ModuleSpec | None:
        looked.append(name)
        return find(name, path)

    monkeypatch.setattr(declarations, "_module_spec", counted)
    packages.add("acme_odd", SOURCES)
    for _ in range(3):
        assert Declaration("acme_odd").may_implement("headwater_sources")
    assert looked == ["acme_odd"]
    # A module that is written over changes no folder.
    (packages.folder / "acme_odd.py").write_text("headwater_engines = None")
    assert not Declaration("acme_odd").may_implement("headwater_sources")
    assert looked == ["acme_odd"]
    # What comes to lie before it does, and is taken as Python would take it.
    package = packages.folder / "acme_odd"
    package.mkdir()
    (package / "__init__.py").write_text("headwater_auth = None")
    assert Declaration("acme_odd").may_implement("headwater_auth")
    (package / "__init__.py").unlink()
    assert Declaration("acme_odd").may_implement("headwater_auth"), "Python says what is wrong"


def test_core_is_loaded_once_for_all_workspaces(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(loader, "_loaded_core", [])
    with monkeypatch.context() as full:
        full.setattr(importlib, "import_module", None)  # as if no file could be opened
        assert PluginRegistry(discover=False).report()[0].status == "broken"
    PluginRegistry(discover=False).sources()
    monkeypatch.setattr(loader, "load", None)
    assert [s.kind for s in PluginRegistry(discover=False).sources()] == ["files", "memory"]
