import io
import json
import re
import time

import pytest

from headwater.cli.terminal import Terminal
from headwater.diagnostics import Diagnostic, Span
from headwater.errors import AuthError, QueryError
from headwater.plugins import PluginRegistry

ESCAPE = re.compile(r"\x1b\[[0-9;?]*[a-zA-Z]")


class Screen(io.StringIO):
    """A stream that a person watches."""

    def isatty(self) -> bool:
        return True


REGISTRY = PluginRegistry(discover=False)


@pytest.fixture
def screen(monkeypatch: pytest.MonkeyPatch) -> Screen:
    """A screen of 40 columns."""
    monkeypatch.setenv("TERM", "xterm-256color")
    monkeypatch.setenv("COLUMNS", "40")
    monkeypatch.delenv("NO_COLOR", raising=False)
    return Screen()


@pytest.fixture
def watched(screen: Screen) -> Terminal:
    """A terminal whose two streams are that screen."""
    return Terminal(REGISTRY, screen, screen)


class Pipes:
    """A terminal whose two streams are pipes."""

    def __init__(self) -> None:
        self.streams = io.StringIO(), io.StringIO()
        self.terminal = Terminal(REGISTRY, *self.streams)

    @property
    def got(self) -> tuple[str, ...]:
        return tuple(stream.getvalue() for stream in self.streams)


REPORT = "Check of m/v/serving\n  ok    query        " + "x" * 100 + "\n  FAIL  plan"


def test_a_person_gets_colour_and_whole_lines(watched: Terminal, screen: Screen) -> None:
    watched.say(REPORT)
    shown = screen.getvalue()
    assert "\x1b[32mok\x1b[0m" in shown
    assert "\x1b[1;31mFAIL\x1b[0m" in shown
    assert ESCAPE.sub("", shown) == REPORT + "\n"


def test_no_color_is_honoured(
    watched: Terminal, screen: Screen, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NO_COLOR", "1")
    watched.say(REPORT)
    assert screen.getvalue() == REPORT + "\n"


def test_a_dumb_terminal_gets_text_and_no_progress(
    watched: Terminal, screen: Screen, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TERM", "dumb")
    with watched.progress("reading"):
        watched.say(REPORT)
    assert screen.getvalue() == REPORT + "\n"


def test_what_looks_like_markup_is_text(watched: Terminal, screen: Screen) -> None:
    text = "SELECT a[0], ':smile:' FROM [red]t[/red]"
    watched.say(text)
    assert ESCAPE.sub("", screen.getvalue()) == text + "\n"


def test_progress_is_shown_and_wiped(watched: Terminal, screen: Screen) -> None:
    rows = 0

    def label() -> str:
        return f"{rows:,} rows"

    with watched.progress(label):
        rows = 1234
        deadline = time.monotonic() + 5
        while "1,234 rows" not in screen.getvalue() and time.monotonic() < deadline:
            time.sleep(0.02)
    shown = screen.getvalue()
    assert "1,234 rows" in shown
    assert shown.rstrip("\r\n").endswith("\x1b[2K")


def test_a_pipe_gets_plain_lines_of_any_length_and_no_progress(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("COLUMNS", "40")
    pipes = Pipes()
    with pipes.terminal.progress("reading"):
        pipes.terminal.say(REPORT)
    assert pipes.got == (REPORT + "\n", "")


def test_json_is_all_there_is_on_stdout() -> None:
    pipes = Pipes()
    pipes.terminal.json = True
    pipes.terminal.say("for a person")
    pipes.terminal.table([("a", "b")])
    pipes.terminal.warn("beside the answer")
    pipes.terminal.emit({"name": "Zoë"})
    out, err = pipes.got
    assert out == '{\n  "name": "Zoë"\n}\n'
    assert json.loads(out) == {"name": "Zoë"}
    assert err == "warning: beside the answer\n"


def test_columns_are_aligned_and_the_last_is_free() -> None:
    pipes = Pipes()
    rows = [("a", "bigint", "key"), ("name", "string", ""), ("x", "", "")]
    pipes.terminal.table(rows, indent="  ")
    assert pipes.got[0] == "  a     bigint  key\n  name  string\n  x\n"


def test_no_rows_are_no_lines() -> None:
    pipes = Pipes()
    pipes.terminal.table([])
    assert pipes.got == ("", "")


def test_findings_stand_between_message_and_hint() -> None:
    text = "SELECT amout FROM t"
    finding = Diagnostic(
        "unknown-column", "no column 'amout'", span=Span(7, 12), text=text, hint="or 'amount'?"
    )
    pipes = Pipes()
    pipes.terminal.refuse(QueryError("the query is refused", [finding], hint="see the docs"))
    assert pipes.got[1] == (
        "error: the query is refused: no column 'amout'\n"
        "error[unknown-column]: no column 'amout'\n"
        "  1 | SELECT amout FROM t\n"
        "    |        ^^^^^\n"
        "    = or 'amount'?\n"
        "  hint: see the docs\n"
    )


def test_an_error_without_a_hint_is_one_line() -> None:
    pipes = Pipes()
    pipes.terminal.refuse(AuthError("no identity was opened"))
    assert pipes.got[1] == "error: no identity was opened\n"


def test_progress_takes_a_label_for_text_and_not_for_markup(
    watched: Terminal, screen: Screen
) -> None:
    with watched.progress(lambda: "reading [red]t\x1b]0;pwned\x07"):
        time.sleep(0.3)
    shown = screen.getvalue()
    assert "reading [red]t" in shown
    assert "\x1b]0;" not in shown
    assert "\x07" not in shown
