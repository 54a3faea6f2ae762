"""Every snippet in README and docs/ runs, page by page, top to bottom, in one namespace.

The pages are run as their readers would: in an empty folder, with AWS's own variables set for an
account (an emulated one) that holds the seed's table. A block marked `text` is not run.
"""

from __future__ import annotations

import re
import shlex
import subprocess
import sys
import warnings
from pathlib import Path

import pytest
from tests.end_to_end.conftest import account  # noqa: F401  the pages' account

from headwater import default

ROOT = Path(__file__).parents[2]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
BLOCK = re.compile(r"^```(\w+)[^\n]*\n(.*?)^```$", re.MULTILINE | re.DOTALL)
MAKE = {"make demo", "make test"}
"""Commands that CI runs by themselves, not inside a test."""


def blocks(page: Path) -> list[tuple[str, str, int]]:
    text = page.read_text(encoding="utf-8")
    return [(m[1], m[2], text[: m.start()].count("\n") + 2) for m in BLOCK.finditer(text)]


def run_python(code: str, page: Path, line: int, names: dict[str, object]) -> None:
    padded = "\n" * (line - 1) + code  # so that a traceback names the page's own line
    exec(compile(padded, str(page), "exec"), names)


def run_console(text: str) -> None:
    for line in text.splitlines():
        command = line.removeprefix("$ ").partition("  #")[0].strip()
        if not line.strip() or (text.lstrip().startswith("$") and not line.startswith("$")):
            continue
        if command in MAKE or command.startswith("pip install"):
            continue
        words = shlex.split(command)
        if words[0] == "headwater":
            words[0] = str(Path(sys.executable).with_name("headwater"))
        done = subprocess.run(words, capture_output=True, text=True, check=False, timeout=300)
        assert done.returncode == 0, f"{command}\n{done.stdout}\n{done.stderr}"


def write_file(text: str) -> None:
    """A block whose first line is `# file: NAME` is saved under that name."""
    first, _, _ = text.partition("\n")
    if match := re.match(r"# file: (\S+)", first):
        path = Path(match[1])
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")


@pytest.mark.parametrize("page", PAGES, ids=lambda p: str(p.relative_to(ROOT)))
def test_page(page, account, tmp_path, monkeypatch):  # noqa: F811
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(default, "_workspaces", [])
    names: dict[str, object] = {"__name__": "__main__"}
    with warnings.catch_warnings():
        warnings.simplefilter("default")
        for language, text, line in blocks(page):
            match language:
                case "python":
                    write_file(text)
                    run_python(text, page, line, names)
                case "console":
                    run_console(text)
                case "yaml" | "toml" | "sql" | "json":
                    write_file(text)
