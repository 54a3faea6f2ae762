"""CHAR compares as on Spark: answers of Spark's own tables with CHAR columns, on both engines.

`queries/char.json` holds what pyspark 4.1.4 answers on tables that it made itself: query to its
rows, in no order, or null where it raises. `python -m tests.differential.test_char` asks it anew.
"""

from __future__ import annotations

import json
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

import pyarrow as pa
import pytest

import headwater as hw
from headwater.engines.embedded import EmbeddedEngine
from headwater.engines.spark import SparkEngine
from headwater.tables.relation import FileRelation
from headwater.tables.table import Column
from headwater.testing.engine_support import answer, parquet_relation, partitioned_relation
from headwater.types.text import parse_type

DATA: Final = Path(__file__).parent / "queries" / "char.json"
ANSWERS: Final[dict[str, list[list[Any]] | None]] = json.loads(DATA.read_text())

COLUMNS: Final = {
    "t": {
        "id": "string",
        "c": "char(8)",
        "d": "char(4)",
        "s": "string",
        "v": "varchar(8)",
        "st": "struct<k:char(8)>",
        "ar": "array<char(8)>",
        "ma": "map<char(8),int>",
        "w0": "int",
        "ck": "char(4)",
    },
    "u": {"c": "char(8)", "e": "char(12)", "f": "string", "w": "int"},
    "u3": {"c": "char(12)", "w": "int"},
    "u4": {"c": "string", "w": "int"},
    "u5": {"st2": "struct<k:char(12)>", "ar2": "array<char(12)>"},
}
ROWS: Final[dict[str, list[tuple[Any, ...]]]] = {
    "t": [
        ("a", "won", "won", "won", "won", {"k": "won"}, ["won"], [("won", 1)], 1, "x"),
        ("b", "lost", "lost", "lost", "lost", {"k": "lost"}, ["lost"], [("lost", 1)], 2, "y"),
        ("c", None, None, None, None, None, None, None, 3, "x"),
        ("d", "", "", "", "", {"k": ""}, [""], [("", 1)], 4, "yy"),
        ("e", "won x", "wo", "won x", "won ", {"k": "w"}, ["w"], [("w", 1)], 5, None),
        ("f", "wön", "wön", "won     ", "wön", {"k": "wön"}, ["wön"], [("wön", 1)], 6, "x"),
    ],
    "u": [
        ("won", "won", "won", 1),
        ("lost", "lost", "lost", 2),
        ("won x", "w", "won x", 3),
        (None, None, None, 4),
    ],
    "u3": [("won", 1), ("lost", 2), ("zz", 3), (None, 4)],
    "u4": [("won", 1), ("lost    ", 2)],
    "u5": [({"k": "won"}, ["won"])],
}
_ARROW: Final = {
    "int": pa.int32(),
    "struct": pa.struct([("k", pa.string())]),
    "array": pa.list_(pa.string()),
    "map": pa.map_(pa.string(), pa.int32()),
}
CHUNK: Final = 20
"""Queries of one test on Spark, where each takes a second or more."""
REFUSED: Final = 45
"""Queries that the embedded engine may leave to Spark, at most."""


def arrow(columns: dict[str, str], rows: list[tuple[Any, ...]]) -> pa.Table:
    """Return rows as a file holds them: texts as they were written, not filled."""
    arrays = {
        column: pa.array([r[i] for r in rows], _ARROW.get(type_.partition("<")[0], pa.string()))
        for i, (column, type_) in enumerate(columns.items())
    }
    return pa.table(arrays)


@pytest.fixture(scope="module")
def tables(tmp_path_factory: pytest.TempPathFactory) -> list[FileRelation]:
    folder, made = tmp_path_factory.mktemp("char"), []
    for name, columns in COLUMNS.items():
        rows = arrow(columns, ROWS[name])
        if name == "t":
            relation = partitioned_relation(rows, "ck", folder / name)
        else:
            relation = parquet_relation(rows, folder, name)
        declared = tuple(Column(c, parse_type(type_)) for c, type_ in columns.items())
        made.append(replace(relation, columns=declared))
    return made


pytestmark = pytest.mark.filterwarnings("ignore::headwater.reading.dataset.EmptyReadWarning")


def plain(found: pa.Table) -> list[list[Any]]:
    return sorted((list(row.values()) for row in found.to_pylist()), key=str)


def test_the_embedded_engine_answers_as_spark_or_refuses(tables: list[FileRelation]) -> None:
    engine, refused = EmbeddedEngine(threads=1), []
    for query, rows in ANSWERS.items():
        try:
            found = answer(engine, query, *tables).to_arrow()
        except hw.HeadwaterError as error:
            refused.append(f"{query}: {error.message}")
        else:
            assert rows is not None, f"Spark refuses {query}"
            assert plain(found) == rows, query
    assert len(refused) <= REFUSED, "\n".join(refused)


@pytest.mark.slow
@pytest.mark.parametrize("start", range(0, len(ANSWERS), CHUNK))
def test_our_tables_on_spark_answer_as_its_own(
    tables: list[FileRelation], spark_engine: SparkEngine, start: int
) -> None:
    for query, rows in list(ANSWERS.items())[start : start + CHUNK]:
        try:
            found = plain(answer(spark_engine, query, *tables).to_arrow())
        except hw.HeadwaterError:
            continue
        assert rows is not None, f"Spark refuses {query}"
        assert found == rows, query


@pytest.mark.parametrize(
    ("where", "kept"),
    [
        ("ck = 'x'", 1),
        ("ck = 'x   '", 1),
        ("ck = 'x        '", 1),
        ("ck IN ('y', 'yy')", 2),
        ("ck <=> 'x'", 1),
        ("'x' = ck", 1),
        ("ck = 'z'", 0),
        ("ck <> 'x'", 4),
        ("ck > 'x'", 4),
        ("ck LIKE 'x%'", 4),
        ("ck BETWEEN 'x' AND 'x   '", 4),
    ],
)
def test_equality_alone_chooses_partitions(
    tables: list[FileRelation], where: str, kept: int
) -> None:
    query = f"SELECT id FROM (SELECT id, ck FROM t) WHERE {where}"
    (scan,) = answer(EmbeddedEngine(), query, *tables).plan.scans
    assert scan.estimate.partitions_kept == kept


def ask() -> dict[str, list[list[Any]] | None]:
    """Return Spark's answers to all queries, on tables that it made."""
    from pyspark.errors import PySparkException

    from headwater.engines.spark.types import literal

    def text(value: Any, type_: str) -> str:
        if isinstance(value, dict):
            return f"named_struct('k', {literal(value['k'])})"
        if isinstance(value, list):
            pairs = [v if isinstance(v, tuple) else (v,) for v in value]
            word = "map" if type_.startswith("map") else "array"
            return f"{word}({', '.join(text(x, '') for p in pairs for x in p)})"
        return str(value) if isinstance(value, int) else literal(value)

    answers: dict[str, list[list[Any]] | None] = {}
    with closing(SparkEngine(conf={"spark.sql.shuffle.partitions": "1"})) as engine:
        session = engine.opened().session
        for name, columns in COLUMNS.items():
            listed = ", ".join(f"{c} {type_}" for c, type_ in columns.items())
            keys = " PARTITIONED BY (ck)" if "ck" in columns else ""
            session.sql(f"CREATE TABLE {name} ({listed}) USING parquet{keys}")
            rows = [
                f"({', '.join(text(v, x) for v, x in zip(row, columns.values(), strict=True))})"
                for row in ROWS[name]
            ]
            session.sql(f"INSERT INTO {name} VALUES {', '.join(rows)}")
        for query in ANSWERS:
            try:
                found = [row.asDict(recursive=True) for row in session.sql(query).collect()]
                answers[query] = sorted((list(r.values()) for r in found), key=str)
            except PySparkException:
                answers[query] = None
    return answers


if __name__ == "__main__":
    lines = ",\n".join(
        f"{json.dumps(q, ensure_ascii=False)}: {json.dumps(rows, ensure_ascii=False)}"
        for q, rows in ask().items()
    )
    DATA.write_text(f"{{\n{lines}\n}}\n")
