"""Profiles as values: they add up exactly, and are the same after a table and a file."""

from __future__ import annotations

import pickle
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from random import Random
from typing import Any

import pyarrow as pa
import pytest

import headwater as hw
from headwater.errors import ConfigError, ProfileError
from headwater.interfaces.schema import ModelType, Role
from headwater.profiling.cells import About, Key, Place, cleaned, segment_text
from headwater.profiling.edges import FieldEdges
from headwater.profiling.statistics import HASHES, STATISTICS, WITNESSES, Holds, Value
from headwater.profiling.table import METADATA, schema
from headwater.types import FieldType

DAY = timedelta(days=1)
START = datetime(2026, 1, 1, tzinfo=UTC)
EDGES = hw.Edges(
    ModelType.BINARY,
    {
        "income": FieldEdges(
            FieldType.NUMERIC, Role.FEATURE, (0.5, 1.0, 250.0), scale=3, square_scale=1
        ),
        "owner": FieldEdges(FieldType.STRING, Role.FEATURE, vocabulary=("ann", "böb", "")),
        "will_buy": FieldEdges(FieldType.BOOLEAN, Role.PREDICTION),
    },
)


def day(number: int) -> hw.Window:
    return hw.Window(START + number * DAY, START + (number + 1) * DAY)


def value_of(statistic: str, random: Random) -> Value:
    match STATISTICS[statistic].holds[-1]:
        case Holds.COUNT:
            return random.randrange(1, 9)
        case Holds.DECIMAL:
            return Decimal(random.randrange(-(10**15), 10**15)).scaleb(-6)
        case Holds.NUMBER:
            return random.uniform(-9, 9)
    return "".join(sorted({f"{random.getrandbits(64):016x}" for _ in range(3)}))


def part(random: Random, by: tuple[str, ...] = ()) -> hw.Profile:
    """Return a profile of a few days with any of the statistics there are."""
    cells: dict[Place, dict[Key, Value]] = {}
    for number in random.sample(range(3), 2):
        segment = segment_text({name: random.choice(["ann", "böb", None]) for name in by})
        inside: dict[Key, Value] = {Key(None, "rows"): random.randrange(1, 9)}
        names = [n for n in random.sample(sorted(STATISTICS), 8) if n not in WITNESSES]
        for name in (*names, *(n for n, of in WITNESSES.items() if of in names)):
            kind = STATISTICS[name]
            key = Key(
                "income" if name in WITNESSES or name in WITNESSES.values() else "owner",
                name,
                random.randrange(3) if kind.binned else None,
                random.choice(["ann", "böb"]) if kind.labelled else None,
            )
            inside[key] = value_of(name, random)
        cells[Place(day(number), segment)] = dict(cleaned(inside))
    return hw.Profile(EDGES, cells, by)


@pytest.mark.parametrize("by", [(), ("owner", "city")])
def test_adding_is_the_same_in_any_order_and_grouping(by: tuple[str, ...]) -> None:
    random = Random(7)
    for _ in range(60):
        parts = [part(random, by) for _ in range(4)]
        whole = sum(parts, start=hw.Profile.empty(EDGES))
        random.shuffle(parts)
        again = (parts[0] + parts[1]) + (hw.Profile.empty(EDGES) + (parts[2] + parts[3]))
        assert again == whole == sum(parts)
        assert again.to_arrow().equals(whole.to_arrow())
        assert again.total() == sum((p.total() for p in parts), start=hw.Profile.empty(EDGES))
        assert again.total(by).total() == whole.total()


def test_a_sum_that_is_not_of_all_values_is_left_out_in_every_merge() -> None:
    place = Place(None, None)
    for name, witness in WITNESSES.items():
        key = Key("income", witness)
        whole = hw.Profile(EDGES, {place: {key: 1.0, Key("income", name): Decimal(3)}})
        broken = hw.Profile(EDGES, {place: {key: 1e300}})
        none = hw.Profile(EDGES, {place: {Key("income", "null"): 1}})
        for both in (whole + broken, broken + whole, (whole + whole) + broken + whole + none):
            assert both.decimal("income", name) is None
        assert (none + whole + none + whole).decimal("income", name) == 6


def test_extremes_zeros_and_sketches_merge_as_what_they_are() -> None:
    place = Place(None, None)
    random = Random(3)
    hashes = sorted({f"{random.getrandbits(64):016x}" for _ in range(3000)})
    some, others = hashes[:1200:2], hashes[1:1900]

    def one(low: int, texts: list[str]) -> hw.Profile:
        return hw.Profile(
            EDGES,
            {
                place: {
                    Key("income", "min"): float(low),
                    Key("income", "max"): float(low),
                    Key("when", "min"): low,
                    Key("owner", "min_length"): low,
                    Key("owner", "distinct"): "".join(texts[:HASHES]),
                }
            },
        )

    both = one(0, some) + one(5, others)
    assert (both.minimum("income"), both.maximum("income"), both.minimum("when")) == (0.0, 5.0, 0)
    assert both.count("owner", "min_length") == 0
    assert both.to_arrow().num_rows == 5, "an extreme that is zero is no zero cell"
    union = sorted({*some[:HASHES], *others[:HASHES]})[:HASHES]
    assert [v for _, k, v in both.cells() if k.statistic == "distinct"] == ["".join(union)]
    assert one(0, some[:9]).distinct("owner") == 9
    exact = hw.Profile(EDGES, {place: {Key("owner", "distinct"): "".join(hashes[:HASHES])}})
    assert exact.distinct("owner") == pytest.approx(3000, rel=0.1)


def test_a_total_refuses_to_count_rows_twice() -> None:
    week = hw.Window(START, START + 7 * DAY)
    cells = {Key(None, "rows"): 1}
    both = hw.Profile(EDGES, {Place(week, None): cells, Place(day(1), None): cells})
    with pytest.raises(ProfileError, match="overlap") as caught:
        both.total()
    assert caught.value.code == "windows-overlap"
    with pytest.raises(ProfileError):
        both.count()
    neighbours = hw.Profile(EDGES, {Place(day(n), None): cells for n in (2, 0, 1)})
    assert neighbours.windows == (day(0), day(1), day(2))
    assert neighbours.count() == 3
    assert neighbours.total().windows == (None,)


def test_only_profiles_of_the_same_edges_and_segments_are_added() -> None:
    other = hw.Edges(
        EDGES.model_type, {**EDGES.fields, "income": replace(EDGES["income"], edges=(0.5,))}
    )
    with pytest.raises(ProfileError) as caught:
        hw.Profile.empty(EDGES) + hw.Profile.empty(other)
    assert caught.value.code == "edges-differ"
    random = Random(1)
    with pytest.raises(ProfileError) as caught:
        part(random) + part(random, ("owner",))
    assert caught.value.code == "segments-differ"
    with pytest.raises(ConfigError, match="not by 'age'"):
        part(random, ("owner",)).total(by=["age"])
    with pytest.raises(TypeError):
        hw.Profile.empty(EDGES) + 1


def test_segments_are_kept_or_added_up() -> None:
    cells = {Key(None, "rows"): 1}
    places = [
        Place(day(n), segment_text({"owner": owner, "city": city}))
        for n in (0, 1)
        for owner in ("ann", None)
        for city in ("x", "y")
    ]
    profile = hw.Profile(EDGES, dict.fromkeys(places, cells), ("owner", "city"))
    assert profile.by == ("city", "owner")
    kept = profile.total("owner")
    assert [(s, p.count()) for _, s, p in kept.parts()] == [
        ({"owner": "ann"}, 4),
        ({"owner": None}, 4),
    ]
    assert kept.segments == ({"owner": "ann"}, {"owner": None})
    assert profile.total().segments == (None,)
    assert profile.count() == 8


def test_a_profile_is_the_same_after_a_table_a_file_and_a_process(tmp_path: Path) -> None:
    random = Random(5)
    about = About(("m/v1/serving",), START, START + DAY)
    for by in ((), ("owner",)):
        made = part(random, by) + part(random, by)
        profile = hw.Profile(EDGES, dict(made._cells), by, about)
        table = profile.to_arrow()
        assert table.schema.equals(schema())
        assert table.schema.names[0] == "window"
        shuffled = table.take(pa.array(random.sample(range(len(table)), len(table))))
        for again in (
            hw.Profile.from_arrow(shuffled),
            hw.Profile.load(profile.save(tmp_path / "p.parquet")),
            pickle.loads(pickle.dumps(profile)),
        ):
            assert again == profile
            assert again.to_arrow().equals(table)
            assert (again.by, again.as_of) == (by, (START, START + DAY))
            assert again.connections == ("m/v1/serving",)
            assert again.edges() == EDGES
    nothing = hw.Profile.from_arrow(hw.Profile.empty(EDGES).to_arrow())
    assert nothing + profile == profile


def test_the_table_says_what_it_holds() -> None:
    place = Place(day(0), None)
    profile = hw.Profile(
        EDGES,
        {
            place: {
                Key(None, "rows"): 4,
                Key("income", "histogram", 1): 2,
                Key("income", "sum"): Decimal("2500.5"),
                Key("income", "sum_squares"): Decimal(400),
                Key("income", "rows"): 4,
                Key("income", "null"): 2,
                Key("owner", "vocabulary", None, "böb"): 1,
            }
        },
    )
    table = profile.to_arrow()
    rows = {(r["field"], r["statistic"]): r for r in table.drop_columns("window").to_pylist()}
    held = {k: {n: r[n] for n in Holds if r[n] is not None} for k, r in rows.items()}
    assert held["income", "sum"] == {"decimal": Decimal("2500.5")}
    assert held[None, "rows"] == {"count": 4}
    assert rows["owner", "vocabulary"]["label"] == "böb"
    assert all(r["exact"] for r in rows.values())
    assert profile.histogram("income") == (0, 2, 0, 0)
    assert profile.counts("owner", "vocabulary") == {"böb": 1}
    assert profile.finite("income") == 2
    assert profile.mean("income") == 1.25025, "the scale is taken out again"
    assert profile.variance("income") == pytest.approx(2 - 1.25025**2)
    assert profile.fields == ("income", "owner")
    for call in (
        lambda: profile.count("income", "median"),
        lambda: profile.counts("income", "null"),
        lambda: profile.decimal("income", "null"),
        lambda: profile.histogram("income", "vocabulary"),
    ):
        with pytest.raises(ConfigError):
            call()


def _changed(table: pa.Table, name: str, value: Any) -> pa.Table:
    place = table.schema.get_field_index(name)
    field = table.schema.field(name)
    return table.set_column(place, field, pa.array([value] * len(table), field.type))


def test_what_is_no_profile_is_refused(tmp_path: Path) -> None:
    table = part(Random(2), ("owner",)).to_arrow()
    told = dict(table.schema.metadata)[METADATA]
    broken = [
        table.replace_schema_metadata(None),
        table.replace_schema_metadata({METADATA: b"[1"}),
        table.replace_schema_metadata({METADATA: told.replace(b'"by":["owner"]', b'"by":[]')}),
        table.replace_schema_metadata({METADATA: told.replace(b'"as_of":null', b'"as_of":[1]')}),
        table.drop_columns("label"),
        _changed(table, "statistic", "median"),
        _changed(table, "segment", '{"owner": "ann"}'),
        _changed(table, "count", 1),
        _changed(_changed(table.slice(0, 1), "count", None), "number", 1.0),
        _changed(table, "bin", 1),
        pa.concat_tables([table, table]),
    ]
    for wrong in broken:
        with pytest.raises(ProfileError) as caught:
            hw.Profile.from_arrow(wrong)
        assert caught.value.code == "profile-damaged"
    newer = table.replace_schema_metadata({METADATA: told.replace(b'"format":1', b'"format":2')})
    with pytest.raises(ProfileError) as caught:
        hw.Profile.from_arrow(newer)
    assert caught.value.code == "profile-newer"
    place = tmp_path / "no.parquet"
    place.write_bytes(b"PAR1 or not")
    with pytest.raises(ProfileError) as caught:
        hw.Profile.load(place)
    assert caught.value.code == "profile-damaged"
    with pytest.raises(ConfigError):
        hw.Profile.load(tmp_path / "missing.parquet")
    with pytest.raises(ConfigError):
        hw.Profile.empty(EDGES).save(tmp_path / "none" / "p.parquet")
