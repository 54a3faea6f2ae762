"""Spark's tokens, and that sqlglot's parser gets no others."""

from __future__ import annotations

import pytest

from headwater.diagnostics import Diagnostic
from headwater.sql.syntax import lexer
from headwater.sql.syntax.lexer import lex, unescape
from headwater.sql.syntax.tokens import MARK, parser_tokens

CUTS = {
    "SELECT a": ["word:SELECT", "word:a"],
    "a--b\nc": ["word:a", "word:c"],
    "a/*b*/c": ["word:a", "word:c"],
    "a- -b": ["word:a", "operator:-", "operator:-", "word:b"],
    "1.5 .5 5. 1e3 1E-3D 2L 3BD": [
        "number:1.5", "number:.5", "number:5.", "number:1e3", "number:1E-3D", "number:2L",
        "number:3BD",
    ],
    "1a a1 1_000": ["word:1a", "word:a1", "word:1_000"],
    "a.b": ["word:a", "operator:.", "word:b"],
    "1.a": ["number:1", "operator:.", "word:a"],
    "'a''b'": ["string:a'b"],
    "'a' 'b'": ["string:a", "string:b"],
    '"a\'b"': ["string:a'b"],
    r"'a\'b'": ["string:a'b"],
    r"r'\d'": [r"string:\d"],
    r"R'a\'": ["string:a\\"],
    "`a``b`": ["quoted:a`b"],
    "X'1F'": ["binary:1F"],
    "a<=>b": ["word:a", "operator:<=>", "word:b"],
    "x->y=>z": ["word:x", "operator:->", "word:y", "operator:=>", "word:z"],
    "SELECT /*+ a */ b": ["word:SELECT", "hint:/*+", "word:a", "hint:*/", "word:b"],
    "a::int:b": ["word:a", "operator:::", "word:int", "operator::", "word:b"],
    "t|>u||v|w": [
        "word:t", "operator:|>", "word:u", "operator:||", "word:v", "operator:|", "word:w",
    ],
}  # fmt: skip

ESCAPES = {
    r"\n\t\r\b": "\n\t\r\b",
    r"\0": "\0",
    r"\Z": "\x1a",
    r"\'\"": "'\"",
    r"\\": "\\",
    r"\%\_": r"\%\_",
    r"\q": "q",
    r"\u0041": "A",
    r"\U0001F600": "\U0001f600",
    r"\101": "A",
    "''": "'",
}

PROBLEMS = {
    "SELECT 'a": "open-string",
    "SELECT `a": "open-string",
    "SELECT /* a": "open-comment",
    "SELECT (1": "unbalanced",
    "SELECT 1)": "unbalanced",
    "SELECT a[1)": "unbalanced",
    "SELECT */ 1": "unbalanced",
    "SELECT /*+ a": "unbalanced",
    "SELECT /* /* */ */ 1": "nested-comment",
    "SELECT 1 -- a\\\n": "continued-comment",
    "SELECT ä": "unquoted-name",
    "SELECT a²": "unexpected-character",
    "SELECT a # b": "unexpected-character",
    "SELECT {a}": "unexpected-character",
    "SELECT a\\b": "unexpected-character",
    "SELECT\u00a01": "unexpected-character",
    "SELECT \x00": "control-character",
    "SELECT ``": "open-string",
}


@pytest.mark.parametrize("text", CUTS)
def test_tokens(text: str) -> None:
    found, problems = lex(text)
    assert not problems
    assert [f"{x.kind}:{x.text}" for x in found] == CUTS[text]


@pytest.mark.parametrize("text", CUTS)
def test_spans_are_what_was_written(text: str) -> None:
    found, _ = lex(text)
    for token in found:
        written = text[token.start : token.end]
        if token.kind in (lexer.WORD, lexer.NUMBER, lexer.OPERATOR, lexer.HINT):
            assert written == token.text


@pytest.mark.parametrize("body", ESCAPES)
def test_escapes(body: str) -> None:
    assert unescape(body) == ESCAPES[body]


@pytest.mark.parametrize(
    ("written", "value"),
    [
        ("'it''s'", "it's"),
        ("\"it''s\"", "it''s"),
        ('"a""b"', 'a"b'),
        ("'a\"\"b'", 'a""b'),
        ("''''", "'"),
        ("\"''\\n\"", "''\n"),
    ],
)
def test_only_the_quotes_of_a_string_are_doubled(written: str, value: str) -> None:
    (found,), problems = lex(written)
    assert not problems
    assert (found.kind, found.text) == (lexer.STRING, value)


@pytest.mark.parametrize("text", PROBLEMS)
def test_problems(text: str) -> None:
    _, problems = lex(text)
    assert [p.code for p in problems] == [PROBLEMS[text]]
    (problem,) = problems
    assert problem.span is not None
    assert problem.hint


def tokens_of(text: str) -> list[str]:
    lexemes, problems = lex(text)
    assert not problems
    found = parser_tokens(text, lexemes)
    assert not isinstance(found, Diagnostic), found
    return [f"{t.token_type.name}:{t.text}" for t in found]


def test_calls_are_marked_so_that_sqlglot_does_not_interpret_them() -> None:
    assert tokens_of("nvl(a)")[0] == f"VAR:nvl{MARK}"
    assert tokens_of("cast(a as int)")[0] == "VAR:cast"
    assert tokens_of("s LIKE ANY ('a')")[2] == "ANY:ANY"


def test_strings_beside_each_other_are_one() -> None:
    assert tokens_of("SELECT 'a' 'it''s' \"b\"") == ["SELECT:SELECT", "STRING:ait'sb"]


def test_numbers_keep_their_suffix() -> None:
    assert tokens_of("1L + .5 - 1e3D") == [
        "NUMBER:1L", "PLUS:+", "NUMBER:.5", "DASH:-", "NUMBER:1e3D",
    ]  # fmt: skip


def test_words_that_only_sqlglot_knows_are_names() -> None:
    assert tokens_of("stream xor glob straight_join") == [
        "VAR:stream", "VAR:xor", "VAR:glob", "VAR:straight_join",
    ]  # fmt: skip


@pytest.mark.parametrize("text", ["a && b", "a ~~ b", "a @> b", "a ?? b", "a #> b", "a := b"])
def test_operators_that_only_sqlglot_knows_are_refused(text: str) -> None:
    lexemes, problems = lex(text)
    assert problems or isinstance(parser_tokens(text, lexemes), Diagnostic)


def test_places_are_those_of_the_text() -> None:
    text = "SELECT `a b`, 'x' 'y', 1.5BD FROM t"
    lexemes, _ = lex(text)
    found = parser_tokens(text, lexemes)
    assert not isinstance(found, Diagnostic)
    assert [text[t.start : t.end + 1] for t in found] == [
        "SELECT", "`a b`", ",", "'x' 'y'", ",", "1.5BD", "FROM", "t",
    ]  # fmt: skip
