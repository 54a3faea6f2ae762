"""What others wrote never reaches a terminal raw: in errors, findings, tables, reports, HTML."""

from __future__ import annotations

import io
import json
import pickle
import unicodedata

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

import headwater as hw
from headwater.cli.terminal import Terminal
from headwater.diagnostics import Diagnostic, Span
from headwater.display import html
from headwater.display.printable import json_text, printable, printable_line
from headwater.errors import HeadwaterError, SourceError
from headwater.interfaces.report import CheckReport, CheckStage, Status
from headwater.plugins import PluginRegistry

HOSTILE = "\x1b]0;pwned\x07\x1b[2J\x9b31m\r\x08\u202eok\u2028\ufeff\ud800"


def is_seen(text: str) -> bool:
    """Whether a text holds nothing that a terminal obeys or that turns a line around."""
    bidirectional = {"\u061c", *map(chr, (0x200E, 0x200F, *range(0x202A, 0x202F)))}
    bidirectional |= set(map(chr, range(0x2066, 0x206A)))
    odd = ("Cc", "Cs", "Zl", "Zp")
    return all(
        c in "\n\t" or (unicodedata.category(c) not in odd and c not in bidirectional) for c in text
    )


@given(st.text(st.characters(categories=("C", "L", "N", "P", "Z"))))
def test_all_that_is_unseen_is_escaped_and_all_else_stays(text: str) -> None:
    shown = printable(text)
    assert is_seen(shown)
    assert is_seen(printable_line(text))
    assert not set("\n\t") & set(printable_line(text))
    if is_seen(text) and not any(0xE0000 <= ord(c) <= 0xE007F or c == "\ufeff" for c in text):
        assert shown == text


@given(st.text())
def test_a_json_document_stays_the_same_document(text: str) -> None:
    document = json_text(json.dumps({text: text}, ensure_ascii=False))
    assert json.loads(document) == {text: text}
    assert is_seen(document)


def test_text_of_every_script_stays() -> None:
    text = "größe 名前 имя שם اسم 👩‍👩‍👧 e\u0301\tx\ny"
    assert printable(text) == text


def test_errors_and_findings() -> None:
    error = SourceError(f"no column {HOSTILE}", hint=f"try {HOSTILE}")
    finding = Diagnostic("x", HOSTILE, hint=HOSTILE, span=Span(0, 3), text=HOSTILE)
    shown = [str(error), repr(error), error.message, str(error.hint), finding.render()]
    assert [t for t in shown if not is_seen(t)] == []
    assert str(pickle.loads(pickle.dumps(error))) == str(error)
    assert is_seen(str(HeadwaterError("x").noted(HOSTILE)))


def test_reports_plans_and_html() -> None:
    report = CheckReport(HOSTILE, (CheckStage(HOSTILE, Status.FAILED, HOSTILE),))
    assert is_seen(str(report))
    assert is_seen(report._repr_html_())
    shown = html.table([HOSTILE], [[f"<script>{HOSTILE}"]])
    assert is_seen(shown)
    assert "<script>" not in shown
    source = hw.MemoryDataSource(tables={"t": pa.table({HOSTILE[:-1]: ["x"]})})
    with hw.Workspace(engine="embedded") as workspace:
        plan = workspace.sql("SELECT * FROM t", source).plan
    assert is_seen(plan.explain())


@pytest.mark.parametrize("as_json", [False, True])
def test_whatever_a_command_says(as_json: bool) -> None:
    out, err = io.StringIO(), io.StringIO()
    terminal = Terminal(PluginRegistry(discover=False), out, err)
    terminal.json = as_json
    terminal.say(HOSTILE)
    terminal.table([(HOSTILE, "a\nb"), ("c", HOSTILE)])
    terminal.emit({HOSTILE: [HOSTILE]})
    terminal.note(HOSTILE)
    terminal.refuse(SourceError(HOSTILE, hint=HOSTILE))
    terminal.confess(ValueError(HOSTILE))
    assert is_seen(out.getvalue())
    assert is_seen(err.getvalue())
    out.getvalue().encode()


def test_a_finding_at_the_end_of_a_text_that_ends_its_line_is_shown() -> None:
    text = "SELECT 1\x0c\n"
    assert "  2 | " in Diagnostic("x", "m", span=Span(10, 10), text=text).render()
