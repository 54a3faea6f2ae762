"""Expressions over a table, each compared row by row: values, NULLs and errors."""

from __future__ import annotations

import random
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.compute as pc
from tests.differential import data, engines
from tests.differential.comparison import difference

from headwater.errors import EngineError
from headwater.sql.portable.raising import NOT_PORTABLE

if TYPE_CHECKING:
    from pyspark.sql import SparkSession
    from tests.differential.engines import Embedded

BATCH = 12
MADE_LONG = {"lpad", "rpad", "repeat", "space"}
"""Functions that make a text as long as they are told: a few hundred thousand characters here."""
MOST_RAISING = 60
FIRST, LAST = "700001", "700002"
"""Stand for the first and the last row that is asked for, where a query is compiled once."""


@dataclass(frozen=True)
class Verdict:
    """What became of an expression.

    Args:
        refused: Whether the gate refuses it.
        wrong: What differs, or None.
        raising: Rows on which the embedded engine raises.
    """

    refused: bool = False
    wrong: str | None = None
    raising: tuple[int, ...] = ()


def judge(
    expressions: Sequence[str],
    embedded: Embedded,
    spark: SparkSession,
    table: str = "edges",
    *,
    strict: bool = True,
) -> dict[str, Verdict]:
    """Compare expressions over a table of `data` with a key `k` on both engines.

    Args:
        expressions: What is compared.
        embedded: One engine.
        spark: The other.
        table: The table's name.
        strict: Whether Spark has to raise, too, where it could as well answer NULL.
    """
    verdicts: dict[str, Verdict] = {}
    raising: dict[str, dict[int, str]] = {}
    for text in dict.fromkeys(expressions):
        if embedded.refuses(_select(table, [text])):
            verdicts[text] = Verdict(refused=True)
        else:
            raising[text] = _raising(table, text, embedded)
    answering = [text for text, rows in raising.items() if not rows]
    partly = [text for text, rows in raising.items() if rows]
    for batch in _batches(answering):
        verdicts.update(_together(table, batch, embedded, spark))
    for batch in _batches(partly):
        verdicts.update(_apart(table, {t: raising[t] for t in batch}, embedded, spark, strict))
    return verdicts


def _batches(texts: Sequence[str]) -> list[Sequence[str]]:
    return [texts[start : start + BATCH] for start in range(0, len(texts), BATCH)]


def broken(verdicts: Mapping[str, Verdict]) -> dict[str, str]:
    """Return what differs, by expression."""
    return {text: v.wrong for text, v in verdicts.items() if v.wrong is not None}


def _select(table: str, texts: Sequence[str], where: str = "") -> str:
    listed = ", ".join(f"{text} AS v{i}" for i, text in enumerate(texts))
    return f"SELECT k, {listed} FROM {table}{where}"


def _raising(table: str, text: str, embedded: Embedded) -> dict[int, str]:
    """Return the codes of the errors by the rows that raise, found by halves.

    Behind `MOST_RAISING` of them rows are not looked at any more: their code is empty.
    """
    run = embedded.prepared(_select(table, [text], f" WHERE k BETWEEN {FIRST} AND {LAST}"))
    found: dict[int, str] = {}

    def look(rows: Sequence[int]) -> None:
        if len(found) >= MOST_RAISING:
            found.update(dict.fromkeys(rows, ""))
            return
        try:
            run({FIRST: str(rows[0]), LAST: str(rows[-1])})
        except EngineError as error:
            if len(rows) == 1:
                found[rows[0]] = error.code
            else:
                half = len(rows) // 2
                look(rows[:half])
                look(rows[half:])

    look(range(data.TABLES[table]().num_rows))
    return found


def _together(
    table: str, texts: Sequence[str], embedded: Embedded, spark: SparkSession
) -> dict[str, Verdict]:
    """Compare expressions that never raise, in one query; where it differs, one by one."""
    if _differs(_select(table, texts), embedded, spark) is None:
        return {text: Verdict() for text in texts}
    return {t: Verdict(wrong=_differs(_select(table, [t]), embedded, spark)) for t in texts}


def _apart(
    table: str,
    raising: Mapping[str, Mapping[int, str]],
    embedded: Embedded,
    spark: SparkSession,
    strict: bool,
) -> dict[str, Verdict]:
    """Compare expressions that raise on some rows: those apart, the others together.

    Each expression is asked of Spark for the rows on which it does not raise here, and for one
    row of those on which it is said to raise there too.
    """
    size = data.TABLES[table]().num_rows
    # Where no row is left there is no value to compare, and Spark may raise of constants alone.
    compared = [text for text, rows in raising.items() if len(rows) < size]
    guarded = [f"CASE WHEN k NOT IN ({_listed(raising[t])}) THEN {t} END" for t in compared]
    try:
        asked = engines.on_spark(spark, _select(table, guarded)) if guarded else None
    except engines.SparkError:
        asked = None
    verdicts = {}
    for text, rows in raising.items():
        wrong = None
        if text in compared:
            sql = _select(table, [text], f" WHERE k NOT IN ({_listed(rows)})")
            wrong = (
                _differs(sql, embedded, spark)
                if asked is None
                else _of_batch(asked, compared.index(text), rows, embedded(sql))
                and _differs(sql, embedded, spark)
            )
        promised = [k for k, code in rows.items() if code not in ("", NOT_PORTABLE)]
        if wrong is None and promised:
            k = promised[random.Random(text).randrange(len(promised))]
            answer = _on_spark(spark, table, text, k)
            # Where an argument is NULL, Spark may not come to the text beside it that is no value.
            if isinstance(answer, pa.Table) and (strict or answer["v0"][0].is_valid):
                wrong = f"row {k}: the embedded engine says that Spark raises, and it does not"
        verdicts[text] = Verdict(wrong=wrong, raising=tuple(rows))
    return verdicts


def _listed(rows: Iterable[int]) -> str:
    return ", ".join(map(str, rows))


def _of_batch(asked: pa.Table, position: int, apart: Iterable[int], answer: pa.Table) -> str | None:
    """Return what differs between an answer and a column of Spark's, less the rows apart."""
    kept = pc.invert(pc.is_in(asked["k"], pa.array(list(apart), asked["k"].type)))
    return difference(
        asked.select(["k", f"v{position}"]).rename_columns(["k", "v0"]).filter(kept), answer
    )


def _on_spark(spark: SparkSession, table: str, text: str, k: int) -> pa.Table | str:
    try:
        return engines.on_spark(spark, _select(table, [text], f" WHERE k = {k}"))
    except engines.SparkError as error:
        return str(error)


def _differs(sql: str, embedded: Embedded, spark: SparkSession) -> str | None:
    answer = embedded(sql)
    try:
        reference = engines.on_spark(spark, sql)
    except engines.SparkError as error:
        return f"Spark raises: {error}"
    return difference(reference, answer)
