"""Calls whose answers were asked of Spark 4.1.4: by rules of functions."""
# ruff: noqa: E501  (a call and its answer on a line)

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
    "to_utc_timestamp(timestamp_seconds(one * 1730599200), 'America/New_York')": "2024-11-03 07:00:00",
    "to_utc_timestamp(timestamp_seconds(one * 1730597400), 'America/New_York')": "2024-11-03 05:30:00",
    "to_utc_timestamp(timestamp_seconds(one * 1710037800), 'America/New_York')": "2024-03-10 07:30:00",
    "convert_timezone('Europe/Berlin', 'Asia/Tokyo', timestamp_seconds(one * 1729996200))": "2024-10-27 09:30:00",
    "date_format(concat('2024-03-10', ' 01:02:03'), 'HH:mm')": "01:02",
    "from_utc_timestamp(concat('2024-03-10', ''), 'Asia/Tokyo')": "2024-03-10 09:00:00",
    "regexp_replace(concat('K-a', 'k-C'), '(?i)(k)-([a-c])', '$2$1$0')": "aKK-aCkk-C",
    "regexp_replace(concat('a1', 'b1'), '([a-b])(1)', '$20$1')": "10a10b",
    "concat('my ', 'ERROR: x') RLIKE r'(?i)\\berror\\b'": "true",
    "concat('terr', 'or') RLIKE r'\\berror'": "false",
    "regexp_replace(concat('ſK', 'k'), '(?i)[sk]', '#')": "\u017f##",
    "schema_of_json('{\"b\": [1, 2.5], \"a c\": \"x\", \"n\": null, \"e\": {}, \"big\": [1, 12345678901234567890]}')": "STRUCT<`a c`: STRING, b: ARRAY<DOUBLE>, big: ARRAY<DECIMAL(20,0)>, n: STRING>",
    "schema_of_json('[[], [{\"a\": 1}, {\"b\": true}]]')": "ARRAY<ARRAY<STRUCT<a: BIGINT, b: BOOLEAN>>>",
    "months_between(concat('2024-03-31', ''), '2024-02-15 12:00:00', false)": "1.5",
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
