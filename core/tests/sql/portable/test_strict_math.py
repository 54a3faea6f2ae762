"""Logarithms, exponentials, powers and roots: the bits that Spark 4.1 gives, on values that part.

DuckDB's own functions come from the machine's C library, which rounds some of these differently.
"""

from __future__ import annotations

import math

import pytest

from headwater.sql import portable
from headwater.sql.binding.binder import bind
from headwater.sql.parser import parse
from headwater.sql.portable import macros
from headwater.tables.table import Column, Table, TableName
from headwater.types import DOUBLE

ANSWERS: list[tuple[str, tuple[str, ...], str | None]] = [
    ("ln", ("0x0.0000000000001p-1022",), "-0x1.74385446d71c3p+9"),
    ("ln", ("0x1.6a09e667f3bcdp-1",), "-0x1.62e42fefa39eep-2"),
    ("ln", ("0x1.ffffe00000000p-1",), "-0x1.0000080000555p-20"),
    ("ln", ("0x1.0000100000000p+0",), "0x1.fffff00000aabp-21"),
    ("ln", ("0x1.3be689016300cp+1",), "0x1.ce8a11140ba08p-1"),
    ("ln", ("0x1.fffffffffffffp+1023",), "0x1.62e42fefa39efp+9"),
    ("ln", ("-0x1.0000000000000p+0",), None),
    ("ln", ("inf",), "inf"),
    ("ln", ("nan",), "nan"),
    ("log2", ("0x1.0000000000000p+3",), "0x1.8000000000000p+1"),
    ("log2", ("0x1.999999999999ap-4",), "-0x1.a934f0979a371p+1"),
    ("log2", ("0x1.8000000000000p+1",), "0x1.95c01a39fbd68p+0"),
    ("log10", ("0x1.f400000000000p+9",), "0x1.8000000000000p+1"),
    ("log10", ("0x1.baf79d345cfdcp+0",), "0x1.e7b1907c0a787p-3"),
    ("log10", ("0x0.00000000007e8p-1022",), "-0x1.400000511df19p+8"),
    ("log10", ("0x1.0000000000000p-1",), "-0x1.34413509f79ffp-2"),
    ("log10", ("0x1.0000000000000p+1",), "0x1.34413509f79ffp-2"),
    ("log1p", ("-0x1.2bec333018867p-2",), "-0x1.62e42fefa39efp-2"),
    ("log1p", ("0x1.a827999fcef32p-2",), "0x1.62e42fefa39efp-2"),
    ("log1p", ("0x1.b7cdfd9d7bdbbp-34",), "0x1.b7cdfd9d1d693p-34"),
    ("log1p", ("-0x1.fffffffffffffp-1",), "-0x1.25e4f7b2737fap+5"),
    ("log1p", ("0x1.7b09b396b9395p-2",), "0x1.427b3feb3072ap-2"),
    ("log1p", ("0x1.6345785d8a000p+56",), "0x1.3926cd770aa67p+5"),
    ("exp", ("0x1.62e42fefa39efp-2",), "0x1.6a09e667f3bccp+0"),
    ("exp", ("0x1.0a2b23f3bab73p+0",), "0x1.6a09e667f3bccp+1"),
    ("exp", ("0x1.62e42fefa39efp+9",), "0x1.fffffffffff2ap+1023"),
    ("exp", ("-0x1.74910d52d3051p+9",), "0x0.0000000000001p-1022"),
    ("exp", ("-0x1.e117da5913de9p+4",), "0x1.89991259a5d2ep-44"),
    ("exp", ("-0x1.6240000000000p+9",), "0x0.e6cf6d08897acp-1022"),
    ("exp", ("-0x1.0000000000000p-1",), "0x1.368b2fc6f960ap-1"),
    ("expm1", ("-0x1.34413509f79ffp-2",), "-0x1.0a2edf228e283p-2"),
    ("expm1", ("0x1.b07ae3a40f40cp+3",), "0x1.698afd71a7c41p+19"),
    ("expm1", ("-0x1.2800000000000p+5",), "-0x1.fffffffffffffp-1"),
    ("expm1", ("0x1.4000000000000p+5",), "0x1.a220d397972eap+57"),
    ("expm1", ("0x1.62e42fefa39efp+9",), "0x1.fffffffffff2ap+1023"),
    ("expm1", ("0x1.0000000000000p-1",), "0x1.4c2531c3c0d38p-1"),
    ("expm1", ("0x1.70ef54646d497p-57",), "0x1.70ef54646d497p-57"),
    ("expm1", ("-0x1.3333333333333p-1",), "-0x1.ce04528d3f639p-2"),
    ("cbrt", ("0x1.b7c76faf70b22p+2",), "0x1.e6b2489e9ea9fp+0"),
    ("cbrt", ("-0x1.b000000000000p+4",), "-0x1.8000000000000p+1"),
    ("cbrt", ("0x0.012688b70e62bp-1022",), "0x1.a9d1b0b5d7427p-344"),
    ("cbrt", ("0x1.999999999999ap-4",), "0x1.db4c7760bcff3p-2"),
    ("rint", ("0x1.0000000000000p-1",), "0x0.0p+0"),
    ("rint", ("0x1.8000000000000p+0",), "0x1.0000000000000p+1"),
    ("rint", ("-0x1.999999999999ap-2",), "-0x0.0p+0"),
    ("rint", ("-0x1.4000000000000p+1",), "-0x1.0000000000000p+1"),
    ("rint", ("0x1.0000000000002p+52",), "0x1.0000000000002p+52"),
    ("pow", ("0x1.50a566aafdcfbp+4", "-0x1.e117da5913de9p+4"), "0x1.cc7eef9f00696p-133"),
    ("pow", ("0x1.0000000000000p+1", "0x1.0000000000000p-1"), "0x1.6a09e667f3bcdp+0"),
    ("pow", ("-0x1.0000000000000p+3", "0x1.5555555555555p-2"), "nan"),
    ("pow", ("-0x1.0000000000000p+1", "0x1.8000000000000p+1"), "-0x1.0000000000000p+3"),
    ("pow", ("-0x0.0p+0", "-0x1.8000000000000p+1"), "-inf"),
    ("pow", ("0x1.5a5540e5e0210p-5", "0x1.3333333333333p-2"), "0x1.8c65d0c0f143ap-2"),
    ("pow", ("0x1.000001ad7f29bp+0", "0x1.2a05f20000000p+33"), "inf"),
    ("pow", ("0x1.4000000000000p+3", "-0x1.3680000000000p+8"), "0x0.005d23ccb7dcep-1022"),
    ("pow", ("0x1.8000000000000p+0", "0x1.ff80000000000p+9"), "0x1.55b657431b506p+598"),
    ("pow", ("0x1.fff2e48e8a71ep-1", "-0x1.dcd6500000000p+29"), "inf"),
    ("pow", ("0x1.199999999999ap+0", "0x1.3880000000000p+13"), "inf"),
    ("pow", ("0x0.0000000000001p-1022", "0x1.6666666666666p-1"), "0x1.2611186bae720p-752"),
    ("pow", ("-inf", "0x1.4000000000000p+2"), "-inf"),
    ("pow", ("0x1.0000000000000p+0", "nan"), "nan"),
    ("log", ("0x1.0000000000000p+1", "0x1.0000000000000p+3"), "0x1.8000000000000p+1"),
    ("log", ("0x1.4000000000000p+3", "0x1.f400000000000p+9"), "0x1.7ffffffffffffp+1"),
    ("log", ("0x1.0000000000000p+0", "0x1.4000000000000p+2"), "inf"),
    ("log", ("0x0.0p+0", "0x1.4000000000000p+2"), None),
    ("log", ("0x1.8000000000000p+1", "-0x1.0000000000000p+0"), None),
    ("log", ("0x1.0000000000000p-1", "0x1.ecccccccccccdp+2"), "-0x1.78f11f1e0bdfep+1"),
]
"""Function, arguments and result, as `float.hex` writes them; asked from Spark."""


def compiled(expression: str) -> str:
    name = TableName("db", "t")
    columns = (Column("x", DOUBLE), Column("y", DOUBLE))
    analysis = bind(
        parse(f"SELECT {expression} AS v FROM t", database="db"), {name: Table(name, columns)}
    )
    return portable.compile(analysis, lambda table: "(SELECT $1::DOUBLE AS x, $2::DOUBLE AS y)")


@pytest.mark.parametrize(("function", "arguments", "expected"), ANSWERS)
def test_the_bits_are_those_of_spark(
    function: str, arguments: tuple[str, ...], expected: str | None
) -> None:
    duckdb = pytest.importorskip("duckdb")
    numbers = [float.fromhex(a) for a in arguments]
    sql = compiled(f"{function}({', '.join('xy'[: len(numbers)])})")
    with duckdb.connect() as connection:
        for statement in macros.asked(sql):
            connection.execute(statement)
        (found,) = connection.execute(sql, [*numbers, 0.0][:2]).fetchone()
    if expected is None or found is None:
        assert found is None
        assert expected is None
    else:
        number = float.fromhex(expected)
        same = math.isnan(found) if math.isnan(number) else found.hex() == number.hex()
        assert same, (found.hex(), expected)


def test_the_files_of_macros_are_read_for_a_query_that_calls_one(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(macros, "_by_name", lambda: pytest.fail("they were read"))
    assert macros.asked(compiled("x + y")) == ()


def test_a_database_gets_the_macros_that_its_query_calls() -> None:
    assert macros.asked(compiled("x + y")) == ()
    names = [statement.split("(")[0].split()[-1] for statement in macros.asked(compiled("log2(x)"))]
    assert names[-1] == "sp_log2"
    assert "sp_log_of" in names
    assert "sp_pow" not in names
