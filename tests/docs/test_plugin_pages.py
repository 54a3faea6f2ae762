"""The pages about plugins say what the code says: signatures of hooks, excerpts of examples."""

from __future__ import annotations

import inspect
import re
from pathlib import Path, PurePosixPath

import pytest
from tests.docs import plugin_names

from headwater.cli.new_plugin import project
from headwater.interfaces import hookspecs

ROOT = Path(__file__).parents[2]
HOOKS = {n: f for n, f in vars(hookspecs).items() if n.startswith("headwater_")}
PAGE = (ROOT / "docs/reference/hooks.md").read_text(encoding="utf-8")
HOWTO = "".join(
    (ROOT / f"docs/howto/{page}.md").read_text(encoding="utf-8")
    for page in ("write-a-plugin", "extend-headwater")
)
EXCERPTS = re.findall(r'^```text title="([^"]+)"\n(.*?)^```$', HOWTO, re.MULTILINE | re.DOTALL)


@pytest.mark.parametrize("name", HOOKS)
def test_a_hook_is_documented_by_its_exact_signature(name: str) -> None:
    signature = f"{name}{inspect.signature(HOOKS[name])}".replace("'", "")
    (section,) = re.findall(rf"^## {name}\n(.*?)(?=^## |\Z)", PAGE, re.MULTILINE | re.DOTALL)
    assert f"```text\n{signature}\n```" in section


def test_the_page_of_names_says_what_they_say() -> None:
    text = plugin_names.PAGE.read_text(encoding="utf-8")
    assert text == plugin_names.filled(text), "write it anew: python -m tests.docs.plugin_names"


@pytest.mark.parametrize("name", HOOKS)
def test_a_hook_is_implemented_by_the_pages_example(name: str) -> None:
    assert f"@hookimpl\ndef {name}(" in PAGE


def test_the_page_documents_no_hook_that_there_is_not() -> None:
    assert set(re.findall(r"^## (headwater_\w+)$", PAGE, re.MULTILINE)) == set(HOOKS)


@pytest.mark.parametrize(("name", "text"), EXCERPTS)
def test_an_excerpt_stands_in_its_file(name: str, text: str) -> None:
    if name.startswith("headwater-acme"):
        folder, _, path = name.partition("/")
        kind = folder.partition(":")[2] or "source"
        source = project("acme", kind)[PurePosixPath(path)]
    else:
        source = (ROOT / name).read_text(encoding="utf-8")
    assert text in source


def test_there_are_excerpts() -> None:
    assert len(EXCERPTS) >= 6
