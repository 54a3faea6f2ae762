"""init before a person: it asks, and writes what was answered; scripts are never asked."""

from __future__ import annotations

import io
import os
import pty
import sys
from collections.abc import Callable
from pathlib import Path
from subprocess import Popen

import pytest
import yaml
from core.tests.cli.predictions import write
from core.tests.cli.support import Outcome, Program
from core.tests.config import acme

from headwater.cli.prompts import Answers, ask


class Keyboard(io.StringIO):
    """A stdin at which a person types."""

    def isatty(self) -> bool:
        return True


Typing = Callable[..., Outcome]


@pytest.fixture
def typing(headwater: Program, monkeypatch: pytest.MonkeyPatch) -> Typing:
    """Run `init` with a person who types these lines, and nothing after them."""

    def run(*lines: str, arguments: tuple[str, ...] = ()) -> Outcome:
        monkeypatch.setattr(sys, "stdin", Keyboard("".join(f"{line}\n" for line in lines)))
        return headwater("init", *arguments)

    return run


def test_enter_takes_what_is_likely(typing: Typing, headwater: Program) -> None:
    outcome = typing("", "")
    assert outcome.code == 0, outcome.err
    assert "Where do the predictions lie: files? [files]" in outcome.err
    assert outcome.out.endswith("wrote headwater.yaml: edit it, then run `headwater check`\n")
    assert yaml.safe_load(Path("headwater.yaml").read_text())["models"].keys() == {"insurance"}


def test_a_table_that_is_named_is_looked_at(typing: Typing, headwater: Program) -> None:
    write(Path())
    assert typing("files", "data", arguments=("new.yaml",)).code == 0
    (model,) = yaml.safe_load(Path("new.yaml").read_text())["models"].values()
    assert model["versions"]["v1"]["serving"]["source"]["tables"] == {"data": "data"}
    assert headwater("check", "--config", "new.yaml").code == 0


def test_a_kind_that_is_none_is_asked_for_again(typing: Typing) -> None:
    outcome = typing("mongo", "files", "")
    assert outcome.err.count("Where do the predictions lie") == 2
    assert outcome.code == 0


def test_what_a_plugin_brings_is_offered_first(typing: Typing, headwater: Program) -> None:
    headwater.modules = [acme]
    outcome = typing("", "")
    assert outcome.code == 0, outcome.err
    assert "Where do the predictions lie: acme, files? [acme]" in outcome.err
    assert "Propose the file from a table that is there, e.g. shelf.log" in outcome.err
    serving = yaml.safe_load(Path("headwater.yaml").read_text())["models"]["insurance"]["versions"]
    assert serving["v1"]["serving"]["source"] == {"type": "acme", "table": "log", "auth": "clerk"}
    assert yaml.safe_load(Path("headwater.yaml").read_text())["auth"] == {"clerk": {"type": "key"}}


@pytest.mark.parametrize(("region", "options"), [("eu-west-1", {"region": "eu-west-1"}), ("", {})])
def test_a_region_is_asked_for_where_there_are_regions(
    region: str, options: dict[str, str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(sys, "stdin", Keyboard(f"\nmy_db.log\n{region}\n"))
    tables = {"files": "data/", "glue": "my_db.log"}
    answers = ask("glue", tables, "glue".__eq__, tmp_path / "headwater.yaml", overwrite=False)
    assert answers == Answers("glue", "my_db.log", options, overwrite=False)


def test_a_file_is_replaced_only_if_that_is_said(typing: Typing) -> None:
    Path("headwater.yaml").write_text("mine")
    outcome = typing("n")
    assert (outcome.code, Path("headwater.yaml").read_text()) == (1, "mine")
    assert "headwater.yaml exists. Replace it? [y/N]" in outcome.err
    assert typing("y", "", "").code == 0
    assert Path("headwater.yaml").read_text() != "mine"


def test_who_goes_away_leaves_nothing(typing: Typing) -> None:
    outcome = typing("files")  # and then the end of the input
    assert outcome.code == 1
    assert "Aborted" in outcome.err
    assert not Path("headwater.yaml").exists()


@pytest.mark.parametrize("arguments", [("--source", "files"), ("--json",)])
def test_who_says_it_all_is_not_asked(typing: Typing, arguments: tuple[str, ...]) -> None:
    outcome = typing(arguments=arguments)
    assert (outcome.code, outcome.err) == (0, "")


def test_on_a_real_terminal(tmp_path: Path) -> None:
    leader, follower = pty.openpty()
    command = [sys.executable, "-m", "headwater", "init", "a.yaml"]
    with Popen(command, stdin=follower, stdout=follower, stderr=follower, cwd=tmp_path) as process:
        os.close(follower)
        os.write(leader, b"files\n\n")
        assert process.wait(60) == 0
    shown = os.read(leader, 65536).decode()
    os.close(leader)
    assert "Where do the predictions lie" in shown
    assert "wrote a.yaml" in shown
    assert (tmp_path / "a.yaml").exists()
