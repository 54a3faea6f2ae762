"""Spark's lexical rules: where strings, comments, names and numbers begin and end.

A query is read by sqlglot, whose lexer is not Spark's: they differ about adjacent strings, `''`,
comments in comments, `--` lines that end in a backslash, and more. What one reads as a comment the
other may run. So the text is first cut here by Spark's own rules, what could be read in two ways is
refused, and `tokens.parser_tokens` checks that both lexers cut at the same places.

Source: Apache Spark 4.1, `SqlBaseLexer.g4` and `SparkParserUtils.unescapeSQLString`.
"""

from __future__ import annotations

import re
from functools import partial
from typing import Final, NamedTuple

from headwater.diagnostics import Diagnostic, Span

SPACE: Final = "space"
COMMENT: Final = "comment"
WORD: Final = "word"
QUOTED: Final = "quoted"
NUMBER: Final = "number"
STRING: Final = "string"
BINARY: Final = "binary"
OPERATOR: Final = "operator"
HINT: Final = "hint"

_TOKENS: Final = re.compile(
    r"""
      (?P<space>[ \t\r\n]+)
    | (?P<comment>--[^\r\n]*|/\*(?!\+).*?\*/)
    | (?P<hint>/\*\+|\*/)
    | (?P<quoted>`(?:[^`]|``)+`)
    | (?P<raw>[rR](?:'[^']*'|"[^"]*"))
    | (?P<binary>[xX](?:'[^']*'|"[^"]*"))
    | (?P<string>'(?:[^'\\]|\\.|'')*'|"(?:[^"\\]|\\.|"")*")
    | (?P<number>(?:[0-9]+[LSY]
        | (?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][+-]?[0-9]+)?(?:BD|[FD])?)(?!\w))
    | (?P<word>\w+)
    | (?P<operator>\|>|<=>|->|=>|::|\|\||==|!=|!>|!<|<>|<=|>=|/(?!\*)|[-+*%~&|^=<>!.,;:?()\[\]])
    """,
    re.VERBOSE | re.DOTALL | re.IGNORECASE,
)
_OPENINGS: Final = {"(": ")", "[": "]"}
_ESCAPES: Final = {"0": "\0", "b": "\b", "n": "\n", "r": "\r", "t": "\t", "Z": "\x1a"}
_ESCAPE: Final = re.compile(
    r"\\(?:u([0-9a-fA-F]{4})|U([0-9a-fA-F]{8})|([01][0-7]{2})|(.))|(''|\"\")", re.DOTALL
)


class Lexeme(NamedTuple):
    """One token of the text, as Spark cuts it.

    Args:
        kind: `word quoted number string binary operator hint`.
        start: Offset of its first character.
        end: Offset after its last character.
        text: As written; for a string, its value; for a quoted name, the name.
        word: A bare word in upper case; empty for anything else, a string of that text included.
        symbol: An operator or bracket; empty for anything else.
    """

    kind: str
    start: int
    end: int
    text: str
    word: str = ""
    symbol: str = ""

    @property
    def span(self) -> Span:
        """Its place in the text."""
        return Span(self.start, self.end)


def lex(text: str) -> tuple[list[Lexeme], list[Diagnostic]]:
    """Cut a text into Spark's tokens, comments and white space left out.

    Returns:
        The tokens, and what forbids to read the text any further: characters that no token has,
        and what could be read in two ways.
    """
    lexemes: list[Lexeme] = []
    findings: list[Diagnostic] = []
    position = 0
    for match in _TOKENS.finditer(text):
        start, end = match.span()
        if start != position:
            break
        position = end
        kind = match.lastgroup or ""
        if kind == SPACE:
            continue
        piece = match.group()
        if kind == COMMENT or (kind == WORD and not piece.isascii()):
            finding = _two_ways(kind, piece, start, text)
            if finding is not None:
                findings.append(finding)
        if kind == WORD:
            lexemes.append(Lexeme(kind, start, end, piece, piece.upper()))
        elif kind == OPERATOR:
            lexemes.append(Lexeme(kind, start, end, piece, "", piece))
        elif kind != COMMENT:
            lexemes.append(_lexeme(kind, start, end, piece))
    if position < len(text):
        findings.append(_unreadable(text, position))
    return lexemes, findings or _unbalanced(lexemes, text)


def unescape(body: str, quote: str = "'") -> str:
    r"""Return the value of a string literal's inside, as Spark 4.1 reads it.

    `\%` and `\_` keep their backslash (they are for LIKE); any other escaped character stands for
    itself.

    Args:
        body: What stands between the quotes.
        quote: The quotes; two of them are one, two of the other kind are two.
    """
    if "\\" not in body and quote * 2 not in body:
        return body
    return _ESCAPE.sub(partial(_unescaped, quote), body)


def _unescaped(quote: str, match: re.Match[str]) -> str:
    short, long, octal, other, doubled = match.groups()
    if short or long:
        return _character(int(short or long, 16), match.group())
    if octal:
        return chr(int(octal, 8))
    if doubled:
        return quote if doubled[0] == quote else str(doubled)
    return f"\\{other}" if other in "%_" else _ESCAPES.get(other, str(other))


def _character(code: int, text: str) -> str:
    return chr(code) if code < 0x110000 else text


def _lexeme(kind: str, start: int, end: int, piece: str) -> Lexeme:
    match kind:
        case "quoted":
            return Lexeme(QUOTED, start, end, piece[1:-1].replace("``", "`"))
        case "raw":
            return Lexeme(STRING, start, end, piece[2:-1])
        case "string":
            return Lexeme(STRING, start, end, unescape(piece[1:-1], piece[0]))
        case "binary":
            return Lexeme(BINARY, start, end, piece[2:-1])
        case _:
            return Lexeme(kind, start, end, piece)


def _two_ways(kind: str, piece: str, start: int, text: str) -> Diagnostic | None:
    if kind == WORD:
        return _foreign(piece, start, text)
    span = Span(start, start + len(piece))
    if "/*" in piece[2:]:
        return Diagnostic(
            "nested-comment",
            "a comment inside a comment can be read in two ways",
            span=span,
            text=text,
            hint="take the inner comment out",
        )
    if piece.startswith("--") and piece.endswith("\\"):
        return Diagnostic(
            "continued-comment",
            "a comment line that ends in a backslash goes on in the next line",
            span=span,
            text=text,
            hint="take the backslash at the end of the line out",
        )
    return None


def _foreign(piece: str, start: int, text: str) -> Diagnostic:
    if not all(_is_letter(c) for c in piece):
        return _unreadable(text, start)
    return Diagnostic(
        "unquoted-name",
        f"the name {piece} needs backticks: it has letters beyond a to z",
        span=Span(start, start + len(piece)),
        text=text,
        hint=f"write `{piece}`",
    )


def _is_letter(character: str) -> bool:
    return character.isalpha() or character in "0123456789_"


def _unreadable(text: str, position: int) -> Diagnostic:
    character, rest = text[position], text[position : position + 2]
    span = Span(position, position + 1)
    if rest == "/*":
        return Diagnostic(
            "open-comment", "this comment is never closed", span=Span(position, position + 2),
            text=text, hint="close it with */",
        )  # fmt: skip
    if character in "'\"`":
        what = "name" if character == "`" else "string"
        return Diagnostic(
            "open-string", f"this {what} is never closed", span=span, text=text,
            hint=f"close it with {character}",
        )  # fmt: skip
    if character == "\0" or (ord(character) < 32) or 0x7F <= ord(character) < 0xA0:
        return Diagnostic(
            "control-character", f"the text holds the control character U+{ord(character):04X}",
            span=span, text=text, hint="delete it",
        )  # fmt: skip
    return Diagnostic(
        "unexpected-character",
        f"Spark SQL has no use for {character!r} (U+{ord(character):04X}) here",
        span=span,
        text=text,
        hint="use a plain space" if character.isspace() else "quote a name in backticks: `my-name`",
    )


def _unbalanced(lexemes: list[Lexeme], text: str) -> list[Diagnostic]:
    open_: list[Lexeme] = []
    hint: Lexeme | None = None
    for token in lexemes:
        if token.kind == HINT:
            if (token.text == "*/") == (hint is None):
                return [_bracket(token, f"{token.text} has no counterpart", text)]
            hint = token if hint is None else None
        elif token.kind != OPERATOR:
            continue
        elif token.text in _OPENINGS:
            open_.append(token)
        elif token.text in _OPENINGS.values() and (
            not open_ or _OPENINGS[open_.pop().text] != token.text
        ):
            return [_bracket(token, f"{token.text} closes nothing that is open", text)]
    if hint is not None:
        open_.append(hint)
    return [_bracket(t, f"{t.text} is never closed", text) for t in open_[-1:]]


def _bracket(token: Lexeme, message: str, text: str) -> Diagnostic:
    return Diagnostic(
        "unbalanced", message, span=token.span, text=text,
        hint="every ( needs its ), every [ its ], every /*+ its */",
    )  # fmt: skip
