"""Expressions over a table, each compared row by row: values, NULLs and errors."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from tests.differential import data, engines
from tests.differential.comparison import difference

from headwater.errors import EngineError
from headwater.sql.portable.raising import NOT_PORTABLE

if TYPE_CHECKING:
    from pyspark.sql import SparkSession
    from tests.differential.engines import Embedded

BATCH = 12
LOOKED_AT = 4
"""Rows on which the embedded engine raises that Spark is asked about, for each expression."""


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
    expressions: Sequence[str], embedded: Embedded, spark: SparkSession, table: str = "edges"
) -> dict[str, Verdict]:
    """Compare expressions over a table of `data` with a key `k` on both engines."""
    verdicts: dict[str, Verdict] = {}
    answering = []
    for text in dict.fromkeys(expressions):
        if embedded.refuses(_select(table, [text])):
            verdicts[text] = Verdict(refused=True)
        elif _raises(_select(table, [text]), embedded):
            verdicts[text] = _one(table, text, embedded, spark)
        else:
            answering.append(text)
    for start in range(0, len(answering), BATCH):
        verdicts.update(_together(table, answering[start : start + BATCH], embedded, spark))
    return verdicts


def broken(verdicts: Mapping[str, Verdict]) -> dict[str, str]:
    """Return what differs, by expression."""
    return {text: v.wrong for text, v in verdicts.items() if v.wrong is not None}


def _select(table: str, texts: Sequence[str], where: str = "") -> str:
    listed = ", ".join(f"{text} AS v{i}" for i, text in enumerate(texts))
    return f"SELECT k, {listed} FROM {table}{where}"


def _raises(sql: str, embedded: Embedded) -> bool:
    try:
        embedded(sql)
    except EngineError:
        return True
    return False


def _together(
    table: str, texts: list[str], embedded: Embedded, spark: SparkSession
) -> dict[str, Verdict]:
    """Compare expressions that never raise, in one query; where it differs, one by one."""
    if _differs(_select(table, texts), embedded, spark) is None:
        return {text: Verdict() for text in texts}
    return {t: Verdict(wrong=_differs(_select(table, [t]), embedded, spark)) for t in texts}


def _one(table: str, text: str, embedded: Embedded, spark: SparkSession) -> Verdict:
    """Compare an expression that raises on some rows: those apart, the others together."""
    rows = range(data.TABLES[table]().num_rows)
    raising = _raising(table, text, rows, embedded)
    promised = [k for k, code in raising.items() if code != NOT_PORTABLE]
    wrong = None
    # Where no row is left there is no value to compare, and Spark may raise of constants alone.
    if len(raising) < len(rows):
        rest = ", ".join(map(str, raising))
        wrong = _differs(_select(table, [text], f" WHERE k NOT IN ({rest})"), embedded, spark)
    for k in promised[:LOOKED_AT]:
        if wrong is None and not isinstance(_on_spark(spark, table, text, k), str):
            wrong = f"row {k}: the embedded engine says that Spark raises, and it does not"
    return Verdict(wrong=wrong, raising=tuple(raising))


def _raising(table: str, text: str, rows: Sequence[int], embedded: Embedded) -> dict[int, str]:
    """Return the codes of the errors by the rows that raise, found by halves."""
    where = f" WHERE k BETWEEN {rows[0]} AND {rows[-1]}"
    try:
        embedded(_select(table, [text], where))
    except EngineError as error:
        if len(rows) == 1:
            return {rows[0]: error.code}
        half = len(rows) // 2
        first = _raising(table, text, rows[:half], embedded)
        return {**first, **_raising(table, text, rows[half:], embedded)}
    return {}


def _on_spark(spark: SparkSession, table: str, text: str, k: int) -> object:
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
