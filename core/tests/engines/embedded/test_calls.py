"""Calls whose answers were asked of Spark 4.1.4: numbers as texts and back, distances of texts."""

from __future__ import annotations

import pyarrow as pa

import headwater as hw

# fmt: off
ANSWERS: dict[str, str | None] = {
    "to_char(one * 1234, '99')": "##",
    "to_char(one * -12, 'S9999')": "  -12",
    "to_char(one * -12, '99MI')": "12-",
    "to_char(one * -12, '0,099PR')": "<0,012>",
    "to_char(one * 12, '0,099PR')": "0,012  ",
    "to_char(one * 1234, '$99,999.99')": "$ 1,234.00",
    "to_char(one * 0, '9')": " ",
    "to_char(one * 0.5, '9.9')": "0.5",
    "to_char(one * 0.5, '.9')": ".5",
    "to_char(one * -0.5, 'S$0.00')": "-$0.50",
    "to_char(one * 12, '99.')": "12 ",
    "to_char(one - 1, 'S.99')": "+.00",
    "try_to_number(concat('1,', '234.5'), '9,999.99')": "1234.50",
    "try_to_number(concat('', ',1'), '9,999')": "1",
    "try_to_number(concat('12', '34'), '9,999')": None,
    "try_to_number(concat('<', '12>'), '99PR')": "-12",
    "try_to_number(concat('<', '12'), '99PR')": None,
    "try_to_number(concat('5', ''), '$9')": None,
    "try_to_number(concat('-$', '5'), 'S$9')": "-5",
    "try_to_number(concat('1', ''), '00')": None,
    "try_to_number(concat('', ''), '9.9')": None,
    "levenshtein(concat('strasse', ''), 'straße')": "2",
    "levenshtein(concat('日本', ''), '日本語😀')": "2",
    "levenshtein(concat('kitten', ''), 'sitting', 3)": "3",
    "levenshtein(concat('kitten', ''), 'sitting', 2)": "-1",
    "levenshtein(concat('a', ''), 'a', -1)": "-1",
}
# fmt: on


def test_answers_are_those_of_spark() -> None:
    source = hw.MemoryDataSource(tables={"t": pa.table({"one": pa.array([1], pa.int32())})})
    listed = ", ".join(f"CAST({call} AS STRING) AS v{n}" for n, call in enumerate(ANSWERS))
    (row,) = (
        hw.Workspace(engine="embedded")
        .sql(f"SELECT {listed} FROM t", source)
        .to_arrow()
        .to_pylist()
    )
    assert dict(zip(ANSWERS, row.values(), strict=True)) == ANSWERS
