"""Texts that are almost queries: known queries and attacks, spliced and changed by a few tokens."""

from __future__ import annotations

from random import Random

from core.tests.sql.cases import cases

from headwater.sql.syntax.lexer import lex

_TEXT = """
    SELECT FROM WHERE GROUP BY HAVING ORDER LIMIT WITH AS UNION ALL JOIN ON USING LATERAL VIEW
    DISTINCT CASE WHEN THEN ELSE END IN EXISTS NOT NULL OVER PARTITION TABLE VALUES CAST INSERT SET
    ( ) , . ; * = < > -- /* */ ' ` " $ { } : ? | / + - 1 0.5 'a' predictions labels secret.t
    prediction_id score reflect( IDENTIFIER( current_date() count(*) parquet.`/etc/hosts` x
"""
WORDS = _TEXT.split()


def texts(seed: int, count: int) -> list[str]:
    """Return texts of which a good part is still Spark SQL.

    Args:
        seed: The same one gives the same texts.
        count: How many.
    """
    random = Random(seed)
    known = [case.sql for name in ("everyday.sql", "attacks.sql") for case in cases(name)]
    queries = [case.sql for case in cases("everyday.sql")]
    return [_changed(random, known, queries) for _ in range(count)]


def _changed(random: Random, known: list[str], queries: list[str]) -> str:
    text = random.choice(queries if random.random() < 0.9 else known)
    if random.random() < 0.15:
        text = f"SELECT * FROM ({random.choice(queries)}) AS q JOIN ({text}) AS r ON true"
    for _ in range(random.choice([0, 0, 1, 1, 1, 2])):
        text = _one_change(random, text, random.choice(known))
    return text


def _one_change(random: Random, text: str, other: str) -> str:
    """Leave out, repeat, swap, replace or insert one token."""
    tokens = lex(text)[0]
    if len(tokens) < 2:
        return text
    first, second = sorted(random.sample(range(len(tokens)), 2))
    a, b = tokens[first], tokens[second]
    kind = random.choice(["drop", "repeat", "swap", "replace", "insert", "taken"])
    if kind == "drop":
        return text[: a.start] + text[a.end :]
    if kind == "repeat":
        return f"{text[: a.end]} {a.text}{text[a.end :]}"
    if kind == "swap":
        return text[: a.start] + b.text + text[a.end : b.start] + a.text + text[b.end :]
    word = random.choice(WORDS)
    if kind == "taken":
        word = random.choice(lex(other)[0]).text if lex(other)[0] else word
    return f"{text[: a.start]}{word}{text[a.start if kind == 'insert' else a.end :]}"
