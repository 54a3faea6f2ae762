from headwater.diagnostics import Diagnostic, Severity, Span, hint_for, render_all

TEXT = "SELECT a,\n\tamout\nFROM t"


def test_caret_stands_under_its_word_on_the_right_line():
    start = TEXT.index("amout")
    found = Diagnostic(
        "unknown-column",
        "no column 'amout'",
        span=Span(start, start + 5),
        text=TEXT,
        hint="amount?",
    )
    assert (found.line, found.column) == (2, 2)
    assert found.render() == (
        "error[unknown-column]: no column 'amout'\n  2 | \tamout\n    | \t^^^^^\n    = amount?"
    )


def test_errors_come_before_warnings():
    warning = Diagnostic("w", "careful", Severity.WARNING)
    error = Diagnostic("e", "no")
    assert render_all([warning, error]).splitlines() == ["error[e]: no", "warning[w]: careful"]


def test_a_near_name_is_suggested_as_it_is_spelled():
    assert hint_for("amout", ["Amount", "owner"], what="columns") == "did you mean 'Amount'?"


def test_names_are_listed_when_none_is_near():
    assert hint_for("zzz", ["a1", "b2"], what="columns") == "columns: a1, b2"
    assert hint_for("zzz", [], what="columns") == "there are no columns"


def test_of_an_endless_line_only_the_surroundings_are_shown() -> None:
    text = "SELECT " + "a, " * 2000 + "amout" + ", b" * 2000
    start = text.index("amout")
    _, line, caret = (
        Diagnostic("e", "no", span=Span(start, start + 5), text=text).render().splitlines()
    )
    assert len(line) < 150
    assert line.startswith("  1 | ...")
    assert line.endswith("...")
    assert line[caret.index("^") : caret.rindex("^") + 1] == "amout"


def test_the_end_of_an_endless_line_is_shown() -> None:
    text = "SELECT " + "a, " * 2000 + "amout"
    _, line, caret = (
        Diagnostic("e", "no", span=Span(len(text) - 5, len(text)), text=text).render().splitlines()
    )
    assert line.endswith("a, amout")
    assert line[caret.index("^") : caret.rindex("^") + 1] == "amout"
