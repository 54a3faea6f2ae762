"""What functions cost that the embedded engine computes by macros, beside DuckDB's own likes.

The likes do not answer as Spark does (their roundings, cases and NULLs are others); they show what
a function costs that DuckDB has in C++. Each call is timed over tables in memory, on one thread:
what the larger one takes more than the smaller one, by value, so that planning does not count.
"""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pyarrow as pa
    from duckdb import DuckDBPyConnection

FEW, MANY = 10_000, 110_000
ROUNDS = 3

CALLS = {
    "upper(s)": "upper(s)",
    "substring(s, 2, 3)": "substring(s, 2, 3)",
    "url_encode(s)": "url_encode(s)",
    "parse_url(u, 'HOST')": "regexp_extract(u, '://([^/:?#]+)', 1)",
    "mask(s)": "translate(s, 'ABCabc012', 'XXXxxxnnn')",
    "conv(h, 16, 10)": "CAST('0x' || h AS UBIGINT)",
    "soundex(s)": None,
    "format_number(d, 2)": "format('{:,.2f}', d)",
    "format_string('%05d: %.2f', i, d)": "printf('%05d: %.2f', i, d)",
    "get_json_object(j, '$.a[*].b')": "json_extract(j, '$.a[*].b')",
    "ln(d)": "ln(d)",
    "pow(d, 1.5)": "pow(d, 1.5)",
    "hash(i)": "hash(i)",
    "hash(s)": "hash(s)",
    "xxhash64(s)": "hash(s)",
    "crc32(s)": "hash(s)",
}
"""Calls by their spelling for Spark, and a like of DuckDB's."""

AGGREGATES = {
    "approx_count_distinct(i)": "approx_count_distinct(i)",
    "approx_count_distinct(s)": "approx_count_distinct(s)",
    "percentile(d, 0.95)": "quantile_cont(d, 0.95)",
    "stddev(d)": "stddev(d)",
    "skewness(d)": "skewness(d)",
    "kurtosis(d)": "kurtosis(d)",
    "listagg(s, ',') WITHIN GROUP (ORDER BY s)": "string_agg(s, ',' ORDER BY s)",
}
"""The same of aggregates, over all rows."""


def main() -> None:
    """Time all calls, and print what a value takes."""
    import headwater as hw

    table = values()
    options = {"threads": 1, "tolerance": "1e-6"}
    opened = hw.Workspace(engine="embedded", engine_options=options)
    with opened as workspace, database(table) as connection:

        def ours(call: str, rows: int) -> None:
            source = hw.MemoryDataSource(tables={"t": table.slice(0, rows)})
            workspace.sql(f"SELECT {call} AS v FROM t", source).to_arrow()

        def theirs(call: str, rows: int) -> None:
            connection.execute(f"SELECT {call} AS v FROM t{rows}").fetchall()

        print("nanoseconds a value: headwater, DuckDB's like, and how many times it")
        for call, like in {**CALLS, **AGGREGATES}.items():
            one = call in AGGREGATES
            took = best(ours, call if one else f"max({call})")
            line = f"  {call:<44} {took:9,.0f}"
            if like is not None:
                other = best(theirs, like if one else f"max({like})")
                line += f" {other:9,.0f} {took / max(other, 1):7.1f}x"
            print(line, flush=True)


def best(run: Callable[[str, int], None], call: str) -> float:
    """Return the nanoseconds that a value more takes, by the fastest of some runs."""
    least = []
    for rows in (FEW, MANY):
        took = []
        for _ in range(ROUNDS):
            started = time.perf_counter()
            run(call, rows)
            took.append(time.perf_counter() - started)
        least.append(min(took))
    return (least[1] - least[0]) / (MANY - FEW) * 1e9


@contextmanager
def database(table: pa.Table) -> Iterator[DuckDBPyConnection]:
    """Open a database of one thread with the values."""
    import duckdb

    connection = duckdb.connect(config={"threads": 1})
    try:
        for rows in (FEW, MANY):
            connection.register(f"t{rows}", table.slice(0, rows))
        yield connection
    finally:
        connection.close()


def values() -> pa.Table:
    """Return texts, addresses, hexadecimal digits, numbers and JSON."""
    import pyarrow as pa

    r = random.Random(7)
    words = ["alpha", "Beta 12", "gamma-delta"]
    rows = range(MANY)
    return pa.table(
        {
            "s": pa.array([f"{r.choice(words)} {r.randrange(10**6)}" for _ in rows]),
            "u": pa.array([f"https://h{r.randrange(99)}.example.com/p?q={i}" for i in rows]),
            "h": pa.array([f"{r.randrange(2**32):08x}" for _ in rows]),
            "i": pa.array([r.randrange(10**6) for _ in rows], pa.int32()),
            "d": pa.array([r.lognormvariate(3, 2) for _ in rows]),
            "j": pa.array([f'{{"a":[{{"b":{i}}},{{"b":"x"}}]}}' for i in rows]),
        }
    )
