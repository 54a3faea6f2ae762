"""Tables on which Spark and the embedded engine are compared: like monitoring data, full of edges.

Deterministic. `write(folder)` gives Parquet files; every type occurs, with NULLs, NaN, infinities,
-0.0, empty strings, unicode, both sides of a daylight-saving switch, and numbers at their limits.
"""

from __future__ import annotations

import json
import math
import random
import struct
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any, TypeVar

import pyarrow as pa
import pyarrow.parquet as pq
from tests.differential import drawn

from headwater.tables.relation import DataFile, FilePartition, FileRelation
from headwater.tables.table import Column, TableName
from headwater.types.arrow import data_type

_T = TypeVar("_T")

ROWS = 2_000
START = datetime(2024, 3, 8, tzinfo=UTC)  # the US switch to summer time is on the 10th
NAN, INF = float("nan"), float("inf")
SPECIAL = [NAN, INF, -INF, -0.0, 0.0]
COUNTRIES = ["US", "us", "DE", "FR", "日本", "Ísland", "", "  BR ", "Côte d’Ivoire", "IN", None]
SEGMENTS = ["new", "returning", "vip", "churn_risk", "a-b_c", "UNKNOWN"]


def _single(value: float) -> float:
    """Round to a 32-bit float."""
    return float(struct.unpack("f", struct.pack("f", value))[0])


class _Maker:
    def __init__(self, seed: int) -> None:
        self.random = random.Random(seed)

    def maybe(self, value: _T, share: float = 0.08) -> _T | None:
        return None if self.random.random() < share else value

    def prediction(self, index: int) -> dict[str, Any]:
        r = self.random
        moment = START + timedelta(microseconds=r.randrange(10 * 86_400 * 10**6))
        roll = r.random()
        score: float | None = r.betavariate(2, 5)
        if roll < 0.12:
            score = None if roll < 0.06 else r.choice(SPECIAL)
        entity = r.randrange(1, 200)
        finite = score is not None and math.isfinite(score)
        payload = {
            "user": {"id": entity, "name": r.choice(["Zoë", "bob", "李雷", 'x"y'])},
            "n": r.randrange(-5, 50),
            "ok": r.random() < 0.5,
            "score": round(score, 6) if score is not None and finite else None,
            "arr": [r.randrange(9) for _ in range(r.randrange(4))],
        }
        return {
            "prediction_id": f"p{index:06d}-{r.getrandbits(32):08x}",
            "request_id": 10**15 + index * 7919,
            "entity_id": self.maybe(entity, 0.02),
            "model_name": r.choice(["fraud_v", "churn", "ranker-2"]),
            "model_version": r.choice(["1.0.0", "1.10.2", "2.0.0-rc1", "v3"]),
            "event_ts": moment,
            "ingest_ts": self.maybe(moment + timedelta(seconds=r.expovariate(1 / 40))),
            "ts_str": self._written(moment),
            "ts_iso": moment.strftime("%Y-%m-%d %H:%M:%S"),
            "date_us": moment.strftime("%m/%d/%Y"),
            "epoch_s": int(moment.timestamp()),
            "epoch_ms": int(moment.timestamp() * 1000),
            "score": score,
            "score_f": self._float(),
            "threshold": 0.5,
            "label_pred": None if score is None else int(score > 0.5),
            "n_tokens": self.maybe(r.randrange(-50, 4000)),
            "latency_ms": self.maybe(int(r.gammavariate(2, 60))),
            "tiny": r.randrange(-128, 128),
            "small": r.randrange(-32768, 32768),
            "big": r.choices([r.randrange(-(10**12), 10**12), 2**63 - 1, -(2**63)], [98, 1, 1])[0],
            "amount": self.maybe(Decimal(r.randrange(-(10**9), 10**9)).scaleb(-4)),
            "country": r.choice(COUNTRIES),
            "segment": self.maybe(r.choice(SEGMENTS)),
            "is_fallback": self.maybe(r.random() < 0.2),
            "signup_date": self.maybe(date(2020, 1, 1) + timedelta(days=r.randrange(1600))),
            "embedding": self._embedding(),
            "tags": self.maybe(
                [r.choice(["x", "y", None, ""]) for _ in range(r.randrange(4))], 0.1
            ),
            "features": self._features(),
            "meta": self._meta(),
            "payload": r.choices(
                [json.dumps(payload, ensure_ascii=False), None, "{bad json", "{}", "[]"],
                [85, 5, 4, 3, 3],
            )[0],
            "valid_payload": self.maybe(json.dumps(payload, ensure_ascii=False)),
            "score_str": r.choices(
                [str(round(r.gauss(0, 10), 3)), " 12.5 ", "", "abc", "1e3", "NaN", None],
                [80, 4, 3, 3, 3, 3, 4],
            )[0],
            "clean_str": str(r.randrange(-100, 1000)),
            "dt": moment.date(),
        }

    def _float(self) -> float | None:
        if self.random.random() < 0.05:
            return self.random.choice(SPECIAL)
        return self.maybe(_single(self.random.gauss(0, 100)))

    def _written(self, moment: datetime) -> str | None:
        return self.random.choices(
            [
                moment.strftime("%Y-%m-%d %H:%M:%S"),
                moment.strftime("%Y-%m-%dT%H:%M:%SZ"),
                moment.strftime("%d/%m/%Y %H:%M"),
                "not a ts",
                None,
            ],
            [70, 10, 10, 5, 5],
        )[0]

    def _embedding(self) -> list[float | None] | None:
        r = self.random
        length = r.choice([0, 4, 4, 4, 4])
        return self.maybe([self.maybe(r.gauss(0, 1), 0.01) for _ in range(length)], 0.05)

    def _features(self) -> list[tuple[str, float | None]] | None:
        r = self.random
        names = r.sample(["age", "income", "tenure", "clicks", "π"], r.randrange(5))
        return self.maybe([(n, self.maybe(r.gauss(0, 1), 0.1)) for n in names], 0.06)

    def _meta(self) -> dict[str, Any] | None:
        r = self.random
        inner = {"bucket": r.randrange(10), "arm": r.choice(["A", "B"])}
        return self.maybe(
            {
                "client": r.choice(["ios", "android", "web", None, ""]),
                "ab": self.maybe(inner, 0.1),
                "retries": r.choice([0, 0, 1, 3, None]),
            },
            0.05,
        )


_TS = pa.timestamp("us", "UTC")
_PREDICTIONS: dict[str, pa.DataType] = (
    {
        "prediction_id": pa.string(), "request_id": pa.int64(), "entity_id": pa.int32(),
        "model_name": pa.string(), "model_version": pa.string(), "event_ts": _TS,
        "ingest_ts": _TS, "ts_str": pa.string(), "ts_iso": pa.string(), "date_us": pa.string(),
        "epoch_s": pa.int64(), "epoch_ms": pa.int64(), "score": pa.float64(),
        "score_f": pa.float32(), "threshold": pa.float64(), "label_pred": pa.int32(),
        "n_tokens": pa.int32(), "latency_ms": pa.int32(), "tiny": pa.int8(),
        "small": pa.int16(), "big": pa.int64(), "amount": pa.decimal128(18, 4),
        "country": pa.string(), "segment": pa.string(), "is_fallback": pa.bool_(),
        "signup_date": pa.date32(), "embedding": pa.list_(pa.float64()),
        "tags": pa.list_(pa.string()), "features": pa.map_(pa.string(), pa.float64()),
        "meta": pa.struct(
            [
                ("client", pa.string()),
                ("ab", pa.struct([("bucket", pa.int32()), ("arm", pa.string())])),
                ("retries", pa.int32()),
            ]
        ),
        "payload": pa.string(), "valid_payload": pa.string(), "score_str": pa.string(),
        "clean_str": pa.string(), "dt": pa.date32(),
    }
)  # fmt: skip
PREDICTIONS = pa.schema(_PREDICTIONS)


def _predictions() -> pa.Table:
    maker = _Maker(7)
    return pa.Table.from_pylist([maker.prediction(i) for i in range(ROWS)], schema=PREDICTIONS)


def _features() -> pa.Table:
    maker = _Maker(8)
    r = maker.random
    rows = [
        {
            "entity_id": entity,
            "feature_ts": START + timedelta(seconds=r.randrange(-86_400 * 3, 86_400 * 9)),
            "f1": maker.maybe(r.gauss(0, 1)),
            "f2": maker.maybe(_single(r.gauss(0, 1))),
            "f3": maker.maybe(r.randrange(-20, 20)),
            "cat": maker.maybe(r.choice(["c1", "c2", "ç3", ""])),
        }
        for entity in range(1, 180)
        for _ in range(r.randrange(1, 6))
    ]
    columns: dict[str, pa.DataType] = (
        {
            "entity_id": pa.int32(), "feature_ts": _TS, "f1": pa.float64(), "f2": pa.float32(),
            "f3": pa.int32(), "cat": pa.string(),
        }
    )  # fmt: skip
    return pa.Table.from_pylist(rows, schema=pa.schema(columns))


def _labels() -> pa.Table:
    maker = _Maker(9)
    r = maker.random
    rows: list[dict[str, Any]] = []
    for row in _predictions().select(["prediction_id", "event_ts"]).to_pylist():
        if r.random() > 0.7:
            continue
        rows += [
            {
                "prediction_id": row["prediction_id"],
                "label": maker.maybe(r.randrange(2), 0.03),
                "label_value": maker.maybe(r.gauss(10, 5), 0.05),
                "label_ts": row["event_ts"] + timedelta(hours=r.expovariate(1 / 30), seconds=k),
                "source": r.choice(["crm", "chargeback", "manual", None]),
            }
            for k in range(r.choices([1, 2, 3], [80, 15, 5])[0])
        ]
    orphan = {"label": 1, "label_value": 1.0, "label_ts": START, "source": "crm"}
    rows += [{"prediction_id": f"orphan{i}", **orphan} for i in range(20)]
    rows += [dict.fromkeys(["prediction_id", "label", "label_value", "label_ts", "source"])] * 3
    columns: dict[str, pa.DataType] = (
        {
            "prediction_id": pa.string(), "label": pa.int32(), "label_value": pa.float64(),
            "label_ts": _TS, "source": pa.string(),
        }
    )  # fmt: skip
    return pa.Table.from_pylist(rows, schema=pa.schema(columns))


def _nums() -> pa.Table:
    decimals = ["0.00", "1.25", "-1.25", "2.50", "-2.50", "99999999.99", None, "0.05", "-0.05",
                "10.00", "3.33", "0.01"]  # fmt: skip
    wide = ["0", "1.5", "-1.5", "0.3333333333", "9999999999.9999999999", "-9999999999.9999999999",
            None, "0.0000000001", "12345.678901", "-0.5", "2", "1000000"]  # fmt: skip
    return pa.table(
        {
            "k": pa.array(range(12), pa.int32()),
            "t": pa.array([0, 1, -1, 127, -128, 7, None, -7, 10, -10, 3, 5], pa.int8()),
            "i": pa.array(
                [0, 1, -1, 7, -7, 2147483647, -2147483648, None, 10, -10, 3, 5], pa.int32()
            ),
            "b": pa.array(
                [0, 1, -1, 2**63 - 1, -(2**63) + 1, 7, -7, None, 10**18, 123456789012, 3, -5],
                pa.int64(),
            ),
            "d": pa.array(
                [0.0, -0.0, NAN, INF, -INF, 1.5, -2.5, None, 1e300, 1e-300, 0.1, 123456789.123]
            ),
            "f": pa.array(
                [0.0, -0.0, NAN, INF, -INF, _single(1.1), -2.5, None, 3.4e38, 1e-40, _single(0.1),
                 16777217.0],
                pa.float32(),
            ),
            "dec": pa.array([Decimal(x) if x else None for x in decimals], pa.decimal128(10, 2)),
            "wide": pa.array([Decimal(x) if x else None for x in wide], pa.decimal128(38, 10)),
            "s": pa.array(
                ["0", "1", "-1", "abc", "", " 42 ", "3.7", None, "1e2", "NaN",
                 "9223372036854775808", "true"]
            ),
            "bo": pa.array([True, False, None] * 4),
        }
    )  # fmt: skip


def _times() -> pa.Table:
    def at(*parts: int) -> datetime:
        return datetime(*parts, tzinfo=UTC)  # type: ignore[misc,arg-type]

    return pa.table(
        {
            "k": pa.array(range(9), pa.int32()),
            "ts": pa.array(
                [at(2024, 3, 10, 9, 59, 59, 999999), at(2024, 3, 10, 10), at(2024, 11, 3, 5, 30),
                 at(1969, 12, 31, 23, 59, 59, 500000), at(2000, 2, 29, 12), at(1900, 1, 1),
                 at(9999, 12, 31, 23, 59, 59, 999999), None, at(2024, 12, 30, 1, 2, 3, 4)],
                _TS,
            ),
            "ntz": pa.array(
                [at(2024, 3, 10, 2, 30), at(2024, 1, 31), at(2024, 11, 3, 1, 30), at(1970, 1, 1),
                 at(2000, 2, 29), at(1950, 6, 1), None, at(2024, 12, 30, 23, 59, 59, 1),
                 at(2023, 1, 1)],
                pa.timestamp("us"),
            ),
            "d": pa.array(
                [date(2024, 1, 31), date(2024, 2, 29), date(2023, 12, 31), date(1970, 1, 1),
                 date(2000, 2, 29), date(1900, 1, 1), date(9999, 12, 31), None, date(2023, 1, 1)]
            ),
        }
    )  # fmt: skip


def _strings() -> pa.Table:
    texts = ["", " ", "a", "A", "ab", "aB c", "a,b,c", ",", "é", "É", "e\u0301", "ß", "日本", "😀",
             "a😀b", "100%", "a_b", "a\\b", "x\ny", "a\r\n", "  pad  ", "\tt\t", "\u00a0nb\u00a0",
             "US", "us", "1", "-1", "1.5", "2024-03-01", "2024-03-01 10:11:12", "true", "NULL",
             "p000123-0a1b", "v1.2.3", "a.b.c", "xx", "Zoë", "İstanbul", "ﬁ", "\v", "x\u2028y",
             None]  # fmt: skip
    return pa.table(
        {
            "k": pa.array(range(len(texts)), pa.int32()),
            "s": pa.array(texts),
            "o": pa.array([*reversed(texts)]),
            "n": pa.array([i % 7 - 2 for i in range(len(texts))], pa.int32()),
        }
    )


def _edges() -> pa.Table:
    """One column of each type, with the values at which engines part."""

    def at(*parts: int) -> datetime:
        return datetime(*parts, tzinfo=UTC)  # type: ignore[misc,arg-type]

    strings = _strings().column("s").to_pylist()
    nums, times = _nums(), _times()

    def around(values: list[Any]) -> list[Any]:
        return [values[i % len(values)] for i in range(len(strings))]

    def of(table: pa.Table, name: str) -> pa.Array:
        column = table.column(name)
        return pa.array(around(column.to_pylist()), column.type)

    numbers = ["0", "1", "-1", "+7", " 42 ", "3.7", "-2.5", "1e3", "12345678901", "abc", "", "NaN",
               "1d", ".5", "5.", "Infinity", None, "0.005", "99999999.995"]  # fmt: skip
    days = ["2024-03-01", "2024-02-29", "2023-02-29", "2024-03-01 10:11:12", "2024-03-01T10:11:12Z",
            "2024-03-01 10:11:12.123456", "2024-03-01 24:00:00", "abc", "", None,
            "2024-03-01 10:11:12+05:30", " 2024-03-01 ", "1999-12-31"]  # fmt: skip
    lists: list[Any] = [[1, 2, 3], [], None, [None], [3, 1, None, 2], [1, 1], [2**31 - 1, -(2**31)]]
    words: list[Any] = [["a", "b"], [], None, [None, "x"], ["", "é"], ["b", "a", "b"], ["x,y"]]
    floats: list[Any] = [[1.5, -0.5], [], None, [None], [NAN, INF], [-0.0, 2.0]]
    maps: list[Any] = [[("k", 1.0)], [], None, [("a", None), ("k", 2.5)], [("", NAN)]]
    structs: list[Any] = [{"f": 1, "g": "x"}, None, {"f": None, "g": ""}, {"f": -1, "g": None}]
    return pa.table(
        {
            "k": pa.array(range(len(strings)), pa.int32()),
            "bo": pa.array(around([True, False, None]), pa.bool_()),
            "t": of(nums, "t"),
            "sm": pa.array(around([0, 1, -1, 32767, -32768, None, 100]), pa.int16()),
            "i": of(nums, "i"),
            "b": of(nums, "b"),
            "f": of(nums, "f"),
            "d": of(nums, "d"),
            "e": pa.array(around([0.1, 2.675, -1.005, 123.456, 0.5, 1.5, 2.5, -0.001, 99999.99])),
            "dec": of(nums, "dec"),
            "wide": of(nums, "wide"),
            "s": pa.array(strings),
            "o": pa.array([*reversed(strings)]),
            "num": pa.array(around(numbers)),
            "day": pa.array(around(days)),
            "bool": pa.array(around(["true", "F", "yes", "0", " t ", "x", "", None, "TRUE", "n"])),
            "da": of(times, "d"),
            "ts": of(times, "ts"),
            "tz": pa.array(around([at(1850, 1, 1, 3), at(2024, 3, 10, 7, 30, 0, 1), None]), _TS),
            "ntz": of(times, "ntz"),
            "ai": pa.array(around(lists), pa.list_(pa.int32())),
            "as": pa.array(around(words), pa.list_(pa.string())),
            "ad": pa.array(around(floats), pa.list_(pa.float64())),
            "aa": pa.array(around([[[1], [2]], None, [[], None]]), pa.list_(pa.list_(pa.int32()))),
            "m": pa.array(around(maps), pa.map_(pa.string(), pa.float64())),
            "st": pa.array(around(structs), pa.struct([("f", pa.int32()), ("g", pa.string())])),
        }
    )


def _characters() -> pa.Table:
    """Every character, in texts of fifty, and texts that are drawn of the odd ones."""
    code_points = [c for c in range(1, 0x32000) if not 0xD800 <= c <= 0xDFFF]
    texts = [" ".join(map(chr, code_points[i : i + 50])) for i in range(0, len(code_points), 50)]
    drawn = random.Random(11)
    odd = "ΣΣΣςσΑαaA bB.,'-1日😀éÉ\u0301ßİiIıﬁǆǅᾼΐŉꟍ𐵥ⅷ"
    texts += ["".join(drawn.choices(odd, k=drawn.randrange(1, 9))) for _ in range(160)]
    return pa.table({"k": pa.array(range(len(texts)), pa.int32()), "s": pa.array(texts)})


def _time_texts() -> pa.Table:
    """Times as people write them, and texts that are nearly such."""
    days = ["2024-03-01", "20240301", "2024-3-1", "2024/02/30", "2024-02-29", "2023-02-29",
            "2024-13-01", "2024-00-10", "01.03.2024", "1.3.2024", "03/01/2024", "01 Mar 2024",
            "1 Feb 2024", "30 Feb 2024", "01 mar 2024", "Mar 1, 2024", "2024-03", "2024", "202403",
            "0000-01-01", "0001-01-01", "10000-01-01", "+2024-03-01", "-2024-03-01", " 2024-03-01",
            "2024-03-01 ", "", "abc", None]  # fmt: skip
    moments = ["2024-03-01T10:11:12", "2024-03-01T24:11:12", "2024-03-01T23:60:12",
               "2024-03-01 10:11", "2024-03-01 10:11:12", "2024-03-01 1:1:1", "2024-03-01 10:11:60",
               "2024-03-01 10:11:12.123", "2024-03-01 10:11:12.1", "03/01/2024 10:11 AM",
               "03/01/2024 00:11 AM", "03/01/2024 12:11 PM", "03/01/2024 12:11 am",
               "3/1/2024 1:02 PM", "2024030110", "20240301101112", "31/12/1999 23:59:59",
               "12/31/1999 23:59"]  # fmt: skip
    zones = ["Z", "+05:30", "-18:00", "+18:30", "+05:61", "+19:00", "+00:00", "", ".123Z"]
    texts = [*days, *moments, *(f"2024-03-01T10:11:12{zone}" for zone in zones)]
    return pa.table({"k": pa.array(range(len(texts)), pa.int32()), "s": pa.array(texts)})


_JSON: list[str | None] = [
    '{"a":1,"b":"x","c":[1,2],"d":{"e":1.5,"f":null},"g":true}',
    None,
    "",
    "  ",
    "{bad json",
    "not json",
    "<html>",
    '{"a":1',
    '{"a":1,"b":"x"',
    "{}",
    "[]",
    "null",
    "1",
    '"x"',
    "true",
    "[1,2,3]",
    '[{"a":1},{"a":2}]',
    '{"a":"1","b":1,"c":"z","d":[1],"g":"true"}',
    '{"a":1.0,"b":true,"c":[1,"x"],"d":{"e":"NaN"}}',
    '{"a":2147483648,"b":null,"c":null,"d":null}',
    '{"a":-5,"b":"é\\u0041\\n\\"","c":[],"d":{}}',
    '{"A":1,"B":"x"}',
    '{"a":1,"a":2}',
    '{"a":1} x',
    "{'a':1}",
    '{"a":1,}',
    '{"a":9223372036854775808,"b":{"x":[1,2.50,"y"]},"c":[null,1]}',
    '{"a":1e2,"b":[1, 2],"c":[1.5],"d":{"e":3}}',
    '{"a":0,"b":1.50,"d":{"e":1e3}}',
    '{"a":1,"b":12345678,"c":[2147483648]}',
    '{"a.b":1,"a b":2,"é":3,"x-y":"z"}',
    ' {"a": 7 , "b" : "q" } ',
    '{"a":NaN}',
    '{"a":-0,"b":-0.0,"d":{"e":-0.0}}',
    '{"b":"","d":{"e":""}}',
    '{"d":{"e":"Infinity"}}',
    '{"d":{"e":"inf"}}',
    '{"a":1,"d":5}',
    '{"t":"2024-01-01T01:02:03Z","y":"2024-02-29"}',
    '{"t":"2024-01-01 01:02:03.123456+05:30","y":"2024-02-30"}',
    '{"t":"2024-01-01","y":"x"}',
    '{"t":1704067200,"y":19000}',
    '{"t":"abc","y":""}',
    '{"m":{"k":1.5,"z":null}}',
    '{"m":{"k":"x","z":2}}',
    '{"m":{"k":1,"k":2}}',
    '{"n":[{"p":1},{"p":"x"},null]}',
    '{"n":{"p":1}}',
    '{"n":[1]}',
    '{"n":[{"p":1,"q":"z"}]}',
    '{"n":[{"p":1,"q":"z"},{}]}',
    '{"dec":1.25,"b":"a\\tb"}',
    '{"dec":"1.25"}',
    '{"dec":123456.789}',
    '{"dec":0.12499999999999999999}',
    '{"dec":1e2}',
    '{"a":1}{"a":2}',
    '\ufeff{"a":1}',
    '{"a":tru}',
    '{"b":"unterminated}',
    "[1,2",
    '{"a" 1}',
    '{"a":1]}',
    '"abc',
    "tru",
    "-",
    '{"a":01}',
    "nul",
    '{"b":"\\ud83d\\ude00 \\/ /"}',
    '{"dec":1.00499999999}',
    '{"dec":-0.0049999999}',
    '{"a":1,"d":{"e" 1',
    '{"a":1,"d":{"e":2.5,',
    '{"a":1,"n":[{"p":tru',
    '{"b":' + "[" * 1001 + "]" * 1001 + ',"a":1}',
    '{"a":1,"b":' + "9" * 1001 + "}",
    '{"a":1,"' + "k" * 50_001 + '":2}',
]


def _json_texts() -> pa.Table:
    """JSON of all kinds, and texts that are nearly JSON, or JSON for one engine alone."""
    return pa.table({"k": pa.array(range(len(_JSON)), pa.int32()), "s": pa.array(_JSON)})


_WRITTEN: list[str | None] = [
    *("aGVsbG8=", "QQ==", "QR==", "a===", "TWFu"),
    *("http://h/?x=1&xx=2&x=3", "http://h?x=", "http://h?=1", "http://h?#", "http://h#"),
    *("http://h.com./a", "http://a-.b/", "http://-a.b/", "http://h:/p", "http://h:99999/p"),
    *("http://h/p;a=b,c@d:e", "HTTP://h/p", "h/p", "http://u@h/", "http://@h/", "http://h/a?b?c"),
    *("http://h/a#b?c", "a+b://h/", "1a://h/", "http://h..i/", "http://h/a//b", "http://0.0.0.0"),
    *("http://01.2.3.4/", "http://a.b/c?d=e#f", "http://u:p@h.com:80/p/q?x=1&y=2#r", "//h/p"),
    *("https://example.com", "ftp://1.2.3.4/", "/a/b?c=d", "mailto:x@y.z", "http://a_b.c/x"),
    *("http://h/%zz", "not a url", "http://h?x=%20y", "http://H.Com/?X=1", "http://[::1]/a"),
    *("http://h.1/p", "http://256.1.1.1/", "ff", "FF", "-ff", "zz", "", "  10 ", "-1", "0", "00"),
    *("18446744073709551615", "18446744073709551616", "9223372036854775808", "1.5", "a b"),
    *("-9223372036854775808", "-9223372036854775809", "-18446744073709551615", "Ab9 é", "😀x"),
    *("a=1,b=2", "a:1,b:2", "a:1,a:2", "a", "a:", ":", ",", "a:b:c", "x=1&y=2&x=3", "x=1&y=2"),
    *("%41", "%zz", "%4", "%", "%e9", "%c3%a9", "%C3%A9+x", "a+b", "%+1", "%00", "é", "%ed%a0%80"),
    *("x\ny", "Robert", "Rupert", "Ashcraft", "Pfister", "honeyman", "Hw", "bB", "B b", "\x00a"),
    *("Zoë-12", "ABC xyz 019 _-", None),
]
_AMOUNTS: list[float | None] = [
    *(0.0, -0.0, NAN, INF, -INF, 0.125, 0.135, 1.005, -1.005, 2.5, 3.5, -2.5, 1e15, 1e16),
    *(123456789.987654321, 0.1, 0.2, 0.3, 1e-7, 5e-324, 1e22, 1e23, 999999.9999995, 0.0005),
    *(-0.0004, None, 0.5, 1.5, 99.995, 2.675, 1e14 + 0.5, 4503599627370495.5, 9007199254740993.0),
    *(0.0000005, -1e-20, 1234567.891, -999.995, 99999.5, 1e9 + 0.015),
]


def _written() -> pa.Table:
    """Addresses, digits, lists and escapes as people write them, and numbers that are rounded."""
    size = len(_WRITTEN)

    def around(values: list[Any]) -> list[Any]:
        return [values[i % len(values)] for i in range(size)]

    few = ["0.000", "0.005", "-0.005", "1.250", "1.350", "-1.250", "99999999.999", "-0.001",
           "1234567.895", None, "0.015", "0.025"]  # fmt: skip
    fine = ["99999999.9999999999", "0.0000000001", "-0.0000000005", None, "1.0000005"]
    return pa.table(
        {
            "k": pa.array(range(size), pa.int32()),
            "s": pa.array(_WRITTEN),
            "d": pa.array(around(_AMOUNTS)),
            "f": pa.array([None if x is None else _single(x) for x in around(
                [x for x in _AMOUNTS if x is None or x != x or abs(x) < 1e30 or abs(x) == INF]
            )], pa.float32()),
            "dec": pa.array([x and Decimal(x) for x in around(few)], pa.decimal128(12, 3)),
            "fine": pa.array([x and Decimal(x) for x in around(fine)], pa.decimal128(18, 10)),
            "t": pa.array(around([0, 1, -1, 127, -128, None, 5]), pa.int8()),
            "i": pa.array(around([0, 1, -1, 2**31 - 1, -(2**31), None, 1234567]), pa.int32()),
            "b": pa.array(around([0, -(2**63), 2**63 - 1, None, -1, 10**12]), pa.int64()),
            "o": pa.array(around([True, False, None])),
            "day": pa.array(around([date(2024, 1, 31), date(2024, 2, 29), date(2023, 12, 31), None,
                                    date(1970, 1, 1), date(2000, 2, 29)])),
            "till": pa.array(around([date(2024, 3, 31), date(2024, 2, 29), date(2024, 1, 1),
                                     date(1969, 12, 25), None])),
            "ts": pa.array(around([datetime(2024, 1, 31, 10, 30, tzinfo=UTC), START, None,
                                   datetime(1969, 12, 31, 23, 59, 59, 500000, tzinfo=UTC)]), _TS),
            "end": pa.array(around([datetime(2024, 6, 30, 23, 59, 59, 999999, tzinfo=UTC),
                                    datetime(2024, 2, 1, tzinfo=UTC), START,
                                    datetime(1970, 1, 2, tzinfo=UTC), None]), _TS),
        }
    )  # fmt: skip


TABLES: dict[str, Callable[[], pa.Table]] = {
    "predictions": _predictions,
    "features": _features,
    "labels": _labels,
    "nums": _nums,
    "times": _times,
    "strings": _strings,
    "edges": _edges,
    "cells": drawn.table,
    "characters": _characters,
    "time_texts": _time_texts,
    "json_texts": _json_texts,
    "written": _written,
}


def write(folder: Path) -> dict[str, FileRelation]:
    """Write all tables below a folder and return them as relations.

    `predictions` is partitioned by `dt`, the others are one file each.
    """
    return {name: _write(folder / name, name, make()) for name, make in TABLES.items()}


def _write(folder: Path, name: str, table: pa.Table) -> FileRelation:
    columns = tuple(Column(f.name, data_type(f.type)) for f in table.schema)
    if name != "predictions":
        folder.mkdir(parents=True)
        path = folder / "part-0.parquet"
        pq.write_table(table, path)
        file = DataFile(str(path), path.stat().st_size)
        return FileRelation(TableName("db", name), columns, files=(file,))
    partitions, files = [], []
    for index, day in enumerate(sorted(set(table.column("dt").to_pylist()))):
        part = table.filter(pa.compute.equal(table.column("dt"), pa.scalar(day, pa.date32())))
        path = folder / f"dt={day}" / "part-0.parquet"
        path.parent.mkdir(parents=True)
        pq.write_table(part.drop_columns(["dt"]), path)
        partitions.append(FilePartition((str(day),), str(path.parent)))
        files.append(DataFile(str(path), path.stat().st_size, index))
    return FileRelation(
        TableName("db", name),
        columns,
        partition_columns=("dt",),
        partitions=tuple(partitions),
        files=tuple(files),
    )
