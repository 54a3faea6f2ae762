"""Content digests: alike where the rows are, whatever they lie in; different where they are not."""

from __future__ import annotations

import hashlib
import random
import struct
from collections.abc import Iterator
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from headwater.interfaces.mapping import ROLE_KEY
from headwater.interfaces.schema import Role
from headwater.reading import content_digests
from headwater.reading.content_digests import ContentDigest

ROLES = {"id": Role.ID, "timestamp": Role.TIMESTAMP}


def role(name: str) -> Role:
    return ROLES.get(name, Role.ACTUAL if name.startswith("actual_") else Role.FEATURE)


def table(**columns: Any) -> pa.Table:
    arrays = {
        n: c if isinstance(c, pa.Array | pa.ChunkedArray) else pa.array(c)
        for n, c in columns.items()
    }
    fields = [pa.field(n, a.type, metadata={ROLE_KEY: str(role(n))}) for n, a in arrays.items()]
    return pa.table(list(arrays.values()), schema=pa.schema(fields))


def digests(rows: pa.Table, size: int | None = None) -> tuple[str, str]:
    digest = ContentDigest(rows.schema)
    for batch in rows.to_batches(max_chunksize=size):
        digest.update(batch)
    return digest.rows, digest.labels


def of(*values: Any, type: pa.DataType | None = None) -> str:
    return digests(table(x=pa.array(values, type)))[0]


ROWS = table(
    id=[f"row {i}" for i in range(100)],
    x=[None if i % 7 == 0 else i / 3 for i in range(100)],
    tags=[[f"t{j}" for j in range(i % 4)] for i in range(100)],
    actual_y=[None if i % 3 else i % 2 == 0 for i in range(100)],
)


def test_neither_order_nor_batches_matter() -> None:
    order = list(range(100))
    random.Random(1).shuffle(order)
    assert digests(ROWS.take(pa.array(order)), 7) == digests(ROWS, 100) == digests(ROWS, 1)


def test_two_chunks_of_many_rows_are_as_one() -> None:
    many = pa.concat_tables([ROWS] * 400)
    assert digests(many) == digests(many.combine_chunks()) == digests(many, 333)


def test_slices_begin_where_they_begin() -> None:
    for start in (1, 8, 50):
        again = pa.table(
            [pa.array(c.to_pylist(), c.type) for c in ROWS.slice(start).columns], schema=ROWS.schema
        )
        assert digests(ROWS.slice(start)) == digests(again)


def test_columns_may_stand_in_any_order() -> None:
    assert digests(ROWS.select(["actual_y", "x", "id", "tags"])) == digests(ROWS)


def test_no_rows_are_no_digest() -> None:
    assert digests(ROWS.slice(0, 0)) == ("0" * 16, "0" * 16)


def test_labels_move_alone() -> None:
    labels = ROWS["actual_y"].to_pylist()
    labels[1] = True
    later = ROWS.set_column(3, ROWS.schema.field(3), pa.array(labels))
    assert digests(later)[0] == digests(ROWS)[0]
    assert digests(later)[1] != digests(ROWS)[1]


def test_rows_without_a_label_move_rows_alone() -> None:
    assert digests(ROWS.slice(0, 99))[1] != digests(ROWS)[1]
    assert digests(ROWS.slice(0, 98))[1] == digests(ROWS.slice(0, 99))[1]
    assert digests(ROWS.slice(0, 98))[0] != digests(ROWS.slice(0, 99))[0]


def test_labels_of_rows_without_an_id_are_told_by_their_rows() -> None:
    one = table(x=[1.0, 2.0], actual_y=[True, False])
    other = table(x=[1.0, 2.0], actual_y=[False, True])
    assert digests(one)[0] == digests(other)[0]
    assert digests(one)[1] != digests(other)[1]


def test_known_labels_are_counted() -> None:
    digest = ContentDigest(ROWS.schema)
    for batch in ROWS.to_batches():
        digest.update(batch)
    assert digest.labelled == 34


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (pa.array([0.0]), pa.array([-0.0])),
        (pa.array([1.5, None], pa.float32()), pa.array([1.5, None], pa.float64())),
        (pa.array([-7], pa.int8()), pa.array([-7], pa.int64())),
        (pa.array([7], pa.uint64()), pa.array([7], pa.int16())),
        (pa.array(["a", "b", None]), pa.array(["a", "b", None]).dictionary_encode()),
        (pa.array(["a", None]), pa.array(["a", None], pa.large_string())),
        (pa.array(["a", None]), pa.array(["a", None], pa.string_view())),
        (pa.array([b"ab"]), pa.array([b"ab"], pa.binary(2))),
        (
            pa.array(["a", "a"]),
            pa.RunEndEncodedArray.from_arrays(pa.array([2], pa.int32()), pa.array(["a"])),
        ),
        (
            pa.array([Decimal("1.50")], pa.decimal128(10, 2)),
            pa.array([Decimal("1.5")], pa.decimal128(12, 1)),
        ),
        (
            pa.array([Decimal(-100)], pa.decimal128(10, 4)),
            pa.array([Decimal(-100)], pa.decimal128(3, 0)),
        ),
        (pa.array([Decimal(0)], pa.decimal128(10, 4)), pa.array([Decimal(0)], pa.decimal128(3, 0))),
        (
            pa.array([Decimal(5)], pa.decimal128(38, 30)),
            pa.array([Decimal(5)], pa.decimal128(38, 0)),
        ),
        (
            pa.array([Decimal("5.25")], pa.decimal256(60, 40)),
            pa.array([Decimal("5.25")], pa.decimal256(50, 2)),
        ),
        (pa.array([1], pa.timestamp("s", "UTC")), pa.array([1_000_000], pa.timestamp("us", "UTC"))),
        (pa.array([1_000], pa.timestamp("ns")), pa.array([1], pa.timestamp("us"))),
        (pa.array([date(2026, 1, 5)], pa.date32()), pa.array([date(2026, 1, 5)], pa.date64())),
        (pa.array([time(1, 2)], pa.time32("s")), pa.array([time(1, 2)], pa.time64("us"))),
        (pa.array([[1.0, 2.0]]), pa.array([[1.0, 2.0]], pa.list_(pa.float32(), 2))),
        (pa.array([[1], None, []]), pa.array([[1], None, []], pa.large_list(pa.int32()))),
        (
            pa.array([[("a", 1), ("b", 2)]], pa.map_(pa.string(), pa.int64())),
            pa.array([[("b", 2), ("a", 1)]], pa.map_(pa.string(), pa.int32())),
        ),
        (
            pa.array([{"a": 1, "b": "x"}], pa.struct([("a", pa.int64()), ("b", pa.string())])),
            pa.array([{"a": 1, "b": "x"}], pa.struct([("b", pa.string()), ("a", pa.int16())])),
        ),
    ],
)
def test_one_value_has_one_digest(one: pa.Array, other: pa.Array) -> None:
    assert digests(table(x=one)) == digests(table(x=other))


def test_every_nan_is_one_value() -> None:
    quiet, other = (
        struct.unpack("<d", struct.pack("<Q", bits))[0] for bits in (0x7FF8 << 48, 0xFFFF << 48 | 1)
    )
    assert of(quiet) == of(other) == of(float("nan"))
    assert of([quiet]) == of([other])


DIFFERENT: list[tuple[Any, Any, pa.DataType | None]] = [
    (None, 0, pa.int64()),
    (None, 0.0, None),
    (None, float("nan"), None),
    (None, "", None),
    (None, False, pa.bool_()),
    (None, [], pa.list_(pa.int64())),
    (None, [None], pa.list_(pa.int64())),
    ([], [None], pa.list_(pa.int64())),
    ([1, 2], [2, 1], None),
    ([1, 0], [1], None),
    ([[1], []], [[], [1]], None),
    ([[1, 2], [3]], [[1], [2, 3]], None),
    (["ab", "c"], ["a", "bc"], None),
    ("a", "a ", None),
    ("a", "a\0", None),
    ("a" * 8, "a" * 8 + "\0", None),
    ("a" * 200, "a" * 201, None),
    ("é", "e\u0301", None),
    ("a" * 127 + "b", "a" * 127 + "c", None),
    ("b" + "a" * 16, "c" + "a" * 16, None),
    (1.0, -1.0, None),
    (0.0, 5e-324, None),
    (float("inf"), float("-inf"), None),
    (0.1, 0.1 + 2**-56, None),
    (Decimal(1), Decimal(10), pa.decimal128(10, 2)),
    (Decimal(1), Decimal(-1), pa.decimal128(10, 2)),
    (Decimal(1), Decimal("0.1"), pa.decimal128(10, 2)),
    (Decimal(2**64), Decimal(2**65), pa.decimal128(38, 0)),
    (Decimal(2**64 + 1), Decimal(1), pa.decimal128(38, 0)),
    ({"a": 1, "b": None}, {"a": None, "b": 1}, None),
    ({"a": None}, None, pa.struct([("a", pa.int64())])),
    ([("a", 1), ("b", 2)], [("a", 2), ("b", 1)], pa.map_(pa.string(), pa.int64())),
    ([("a", 1)], [("a", None)], pa.map_(pa.string(), pa.int64())),
    (datetime(2026, 1, 5, tzinfo=UTC), datetime(2026, 1, 5, microsecond=1, tzinfo=UTC), None),
    (timedelta(1), timedelta(2), None),
]


@pytest.mark.parametrize(("one", "other", "type"), DIFFERENT)
def test_other_values_have_another_digest(one: Any, other: Any, type: pa.DataType | None) -> None:
    assert of(one, type=type) != of(other, type=type)


def test_values_do_not_wander() -> None:
    """What is the same in each column, or in each row, is not the same rows."""
    rows = table(id=["a", "b"], x=[1.0, 2.0], y=[3.0, 4.0])
    for changed in (
        table(id=["a", "b"], x=[1.0, 2.0], y=[4.0, 3.0]),
        table(id=["a", "b"], x=[3.0, 2.0], y=[1.0, 4.0]),
        table(id=["b", "a"], x=[1.0, 2.0], y=[3.0, 4.0]),
        table(id=["a", "b"], x=[-1.0, 2.0], y=[-3.0, 4.0]),
        table(id=["a", "b", "b"], x=[1.0, 2.0, 2.0], y=[3.0, 4.0, 4.0]),
        table(id=["a", "b"], x=[1.0, 2.0], z=[3.0, 4.0]),
    ):
        assert digests(changed)[0] != digests(rows)[0]


def test_changes_that_cancel_each_other_are_seen() -> None:
    """Signs, zeros, swaps in pairs of columns: what people and programs change by a rule."""
    one = table(**{f"f{i}": [float(i), -float(i), 0.0, 1.0] for i in range(8)})
    seen = {digests(one)}
    for a in range(8):
        for b in range(a):
            for change in (lambda x: -x, lambda x: x + 1, lambda x: x * 2, lambda x: 1.0 - x):
                columns = {f"f{i}": one[f"f{i}"].to_pylist() for i in range(8)}
                for i in (a, b):
                    columns[f"f{i}"] = [change(v) for v in columns[f"f{i}"]]
                seen.add(digests(table(**columns)))
    assert len(seen) == 1 + 28 * 4


def test_the_form_is_kept() -> None:
    """The digests of ledgers depend on it: who changes this raises FORM."""
    rows = table(
        id=["a", "bb", None],
        timestamp=pa.array([0, 1, 2], pa.timestamp("us", "UTC")),
        x=[1.5, float("nan"), None],
        n=[1, -2, None],
        d=pa.array([Decimal("1.50"), Decimal(-3), Decimal("1e20")], pa.decimal128(30, 2)),
        t=["long " * 40, "", None],
        e=pa.array([[1.0, 2.0], None, [3.0, 4.0]], pa.list_(pa.float32(), 2)),
        m=pa.array([[("k", 0.5)], [], None], pa.map_(pa.string(), pa.float64())),
        s=[{"a": True, "b": date(2026, 1, 5)}, None, {"a": None, "b": None}],
        actual_y=[True, None, False],
    )
    assert (content_digests.FORM, *digests(rows)) == (1, "c5f0035142582cfc", "ce480e6d788c56d3")


def test_sums_are_as_even_as_those_of_a_good_hash() -> None:
    """Bits of the digests of single rows that differ little: each is set about half of the time."""
    counts = [0] * 64
    for i in range(2_000):
        bits = int(of(i), 16)
        for bit in range(64):
            counts[bit] += bits >> bit & 1
    assert all(850 < count < 1_150 for count in counts)


def naive(value: Any) -> Any:
    """A value as Python can tell it from others."""
    match value:
        case float():
            return "nan" if value != value else ("float", value + 0.0)
        case bool():
            return ("boolean", value)
        case list():
            return ("list", tuple(map(naive, value)))
        case dict():
            return ("dict", tuple((k, naive(v)) for k, v in sorted(value.items())))
    return value


LEAVES = st.one_of(st.none(), st.floats(width=32), st.integers(-3, 3).map(float))
TEXTS = st.text(max_size=20) | st.text("ab", max_size=3) | st.text("ab", min_size=120, max_size=140)
DECIMALS = st.decimals(-(10**30), 10**30, places=3) | st.decimals(-2, 2, places=1)
LISTS = st.lists(st.none() | st.lists(LEAVES, max_size=2), max_size=2)
STRUCTS = st.fixed_dictionaries(
    {"a": st.none() | st.integers(0, 1), "b": st.none() | st.sampled_from(["", "x"])}
)
VALUES = {
    "x": (pa.float64(), LEAVES),
    "n": (pa.int64(), st.none() | st.integers(-(2**63), 2**63 - 1) | st.integers(0, 2)),
    "t": (pa.string(), st.none() | TEXTS),
    "b": (pa.bool_(), st.none() | st.booleans()),
    "d": (pa.decimal128(38, 3), st.none() | DECIMALS),
    "l": (pa.list_(pa.list_(pa.float64())), st.none() | LISTS),
    "s": (pa.struct([("a", pa.int64()), ("b", pa.string())]), st.none() | STRUCTS),
}


@st.composite
def some_rows(draw: st.DrawFn) -> list[dict[str, Any]]:
    row = st.fixed_dictionaries({name: values for name, (_, values) in VALUES.items()})
    return draw(st.lists(row, max_size=4))


def as_table(rows: list[dict[str, Any]]) -> pa.Table:
    return table(**{n: pa.array([r[n] for r in rows], t) for n, (t, _) in VALUES.items()})


def canonical(rows: list[dict[str, Any]]) -> list[str]:
    return sorted(repr([(n, naive(row[n])) for n in VALUES]) for row in rows)


PATIENT = settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])


@PATIENT
@given(some_rows(), some_rows(), st.randoms(use_true_random=False), st.integers(1, 5))
def test_digests_are_equal_exactly_where_rows_are(
    one: list[dict[str, Any]], other: list[dict[str, Any]], random: random.Random, size: int
) -> None:
    shuffled = random.sample(one, len(one))
    assert digests(as_table(shuffled), size) == digests(as_table(one))
    same = canonical(one) == canonical(other)
    assert (digests(as_table(one)) == digests(as_table(other))) is same


def words_of_texts(texts: list[bytes]) -> Iterator[int]:
    """The hash of texts, told in plain Python."""
    low = (1 << 64) - 1
    for text in texts:
        if len(text) > 128:
            yield int.from_bytes(hashlib.blake2b(text, digest_size=8).digest(), "little")
            continue
        state = len(text) * content_digests._STEP & low
        for at in range(0, len(text), 8):
            state ^= int.from_bytes(text[at : at + 8], "little")
            state = state * content_digests._MIX & low
            state ^= state >> 32
        yield state


@PATIENT
@given(st.lists(st.binary(max_size=40) | st.binary(min_size=126, max_size=131), min_size=1))
def test_texts_are_hashed_as_they_are_described(texts: list[bytes]) -> None:
    words = content_digests._texts(pa.array([b"before", *texts], pa.large_binary()).slice(1))
    assert words.tolist() == list(words_of_texts(texts))
    for text in texts:
        words = content_digests._texts(pa.array([text] * 3, pa.large_binary()))
        assert words.tolist() == list(words_of_texts([text])) * 3
