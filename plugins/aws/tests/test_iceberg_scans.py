"""What an Iceberg scan makes of files: nested fields by ids, NULLs, deleted rows, defaults."""

from __future__ import annotations

import datetime as dt
import io
import json
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import Any

import fastavro
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from core.tests.engines.embedded.support import rows
from pyiceberg.catalog.sql import SqlCatalog
from pyiceberg.types import LongType, StringType
from tests.iceberg import file_catalog

from headwater.errors import SourceError, UnsupportedError
from headwater.tables.relation import IcebergRelation
from headwater.tables.table import TableName
from headwater_aws.lakes.iceberg import parse_metadata

PAIR = pa.struct([pa.field("x", pa.string()), pa.field("y", pa.int32())])
NESTED = pa.schema(
    [
        ("id", pa.int64()),
        ("s", PAIR),
        ("l", pa.list_(PAIR)),
        ("m", pa.map_(pa.string(), PAIR)),
        ("deep", pa.struct([pa.field("i", PAIR)])),
        ("n", pa.list_(pa.int32())),
    ]
)
A: dict[str, Any] = {"x": "a", "y": 1}
ROWS: list[dict[str, Any]] = [
    {"id": 1, "s": A, "l": [A, None], "m": [("k", A)], "deep": {"i": A}, "n": [1, None]},
    {"id": 2, "s": None, "l": None, "m": None, "deep": {"i": None}, "n": None},
    {"id": 3, "s": {"x": None, "y": None}, "l": [], "m": [], "deep": None, "n": []},
]


@pytest.fixture
def catalog(tmp_path: Path) -> SqlCatalog:
    return file_catalog(tmp_path, f"file://{tmp_path}")


def written(catalog: SqlCatalog, folder: Path, table: pa.Table) -> Path:
    """Make a table of one file, written as others write it; return that file."""
    catalog.create_table("db.t", schema=table.schema).append(table)
    (file,) = folder.rglob("*.parquet")
    # pyiceberg writes empty lists for NULLs.
    schema = pq.read_schema(file)
    arrays = [c.combine_chunks().cast(f.type) for c, f in zip(table.columns, schema, strict=True)]
    pq.write_table(pa.Table.from_arrays(arrays, schema=schema), file, row_group_size=2)
    return file


def metadata(catalog: SqlCatalog) -> tuple[Path, dict[str, Any]]:
    file = Path(catalog.load_table("db.t").metadata_location.removeprefix("file://"))
    return file, json.loads(file.read_text())


def relation(catalog: SqlCatalog) -> IcebergRelation:
    file, told = metadata(catalog)
    state = parse_metadata(told)
    return IcebergRelation(TableName("db", "t"), state.columns, f"file://{file}", state.snapshot_id)


def changed(catalog: SqlCatalog, *changes: Callable[[Any], object]) -> None:
    for change in changes:
        with catalog.load_table("db.t").update_schema(allow_incompatible_changes=True) as update:
            change(update)


Within = Callable[[dict[str, Any]], dict[str, Any]]


def mapped(row: dict[str, Any], within: Within) -> dict[str, Any]:
    """Return a row whose pairs were changed everywhere."""

    def one(pair: Any) -> Any:
        return None if pair is None else within(pair)

    return {
        "id": row["id"],
        "s": one(row["s"]),
        "l": None if row["l"] is None else [one(p) for p in row["l"]],
        "m": None if row["m"] is None else [(k, one(p)) for k, p in row["m"]],
        "deep": None if row["deep"] is None else {"i": one(row["deep"]["i"])},
        "n": row["n"],
    }


CHANGES: dict[str, tuple[list[Callable[[str], Callable[[Any], object]]], Within]] = {
    "nothing": ([], dict),
    "renamed": (
        [lambda p: lambda u: u.rename_column(f"{p}.x", "z")],
        lambda a: {"z": a["x"], "y": a["y"]},
    ),
    "swapped": (
        [
            lambda p: lambda u: u.update_column(f"{p}.y", LongType()),
            lambda p: lambda u: u.rename_column(f"{p}.x", "t"),
            lambda p: lambda u: u.rename_column(f"{p}.y", "x"),
            lambda p: lambda u: u.rename_column(f"{p}.t", "y"),
        ],
        lambda a: {"y": a["x"], "x": a["y"]},
    ),
    "moved": (
        [lambda p: lambda u: u.move_first(f"{p}.y")],
        lambda a: {"y": a["y"], "x": a["x"]},
    ),
    "dropped and added again": (
        [
            lambda p: lambda u: u.delete_column(f"{p}.x"),
            lambda p: lambda u: u.add_column(tuple(f"{p}.x".split(".")), StringType()),
        ],
        lambda a: {"y": a["y"], "x": None},
    ),
    "nothing is left of it": (
        [
            lambda p: lambda u: u.add_column(tuple(f"{p}.z".split(".")), StringType()),
            lambda p: lambda u: u.delete_column(f"{p}.x"),
            lambda p: lambda u: u.delete_column(f"{p}.y"),
        ],
        lambda a: {"z": None},
    ),
}


@pytest.mark.parametrize("name", CHANGES)
def test_nested_fields_are_themselves_by_any_name(
    catalog: SqlCatalog, tmp_path: Path, name: str
) -> None:
    written(catalog, tmp_path, pa.Table.from_pylist(ROWS, NESTED))
    steps, within = CHANGES[name]
    for place in ("s", "l.element", "m.value", "deep.i"):
        changed(catalog, *(step(place) for step in steps))
    found = rows("SELECT * FROM t ORDER BY id", t=relation(catalog))
    assert found == [mapped(row, within) for row in ROWS]


@pytest.mark.parametrize(
    ("type_", "told", "value"),
    [
        ("string", "s", "s"),
        ("int", 5, 5),
        ("double", 1.5, 1.5),
        ("boolean", True, True),
        ("date", "2024-01-02", dt.date(2024, 1, 2)),
        ("decimal(9,2)", "1.25", Decimal("1.25")),
        ("timestamp", "2024-01-02T03:04:05.000006", dt.datetime(2024, 1, 2, 3, 4, 5, 6)),  # noqa: DTZ001
        ("binary", "0102", b"\x01\x02"),
        ("uuid", "f79c3e09-677c-4bbd-a479-3f349cb785e7", "f79c3e09-677c-4bbd-a479-3f349cb785e7"),
    ],
)
def test_a_column_that_came_with_a_default_has_it(
    catalog: SqlCatalog, tmp_path: Path, type_: str, told: Any, value: Any
) -> None:
    written(catalog, tmp_path, pa.table({"id": [1]}))
    file, all_ = metadata(catalog)
    new = {"id": 9, "name": "d", "type": type_, "required": False, "initial-default": told}
    all_["schemas"][-1]["fields"].append(new)
    all_ |= {"format-version": 3, "next-row-id": 0, "last-column-id": 9}
    file.write_text(json.dumps(all_))
    assert rows("SELECT d FROM t", t=relation(catalog)) == [{"d": value}]


def test_partition_values_stand_for_columns_that_files_lack(
    catalog: SqlCatalog, tmp_path: Path
) -> None:
    from pyiceberg.transforms import IdentityTransform

    table = pa.table({"id": [1, 2], "dt": ["a", "b"]})
    made = catalog.create_table("db.t", schema=table.schema)
    with made.update_spec() as update:
        update.add_field("dt", IdentityTransform(), "dt")
    made.append(table)
    for file in tmp_path.rglob("*.parquet"):
        pq.write_table(pq.ParquetFile(file).read(columns=["id"]), file)
    assert rows("SELECT * FROM t ORDER BY id", t=relation(catalog)) == [
        {"id": 1, "dt": "a"},
        {"id": 2, "dt": "b"},
    ]


def with_deletes(catalog: SqlCatalog, delete: Path | str, content: int = 1) -> None:
    """Let a table's snapshot name a delete file, by a manifest of its own."""
    _, told = metadata(catalog)
    snapshot = told["snapshots"][-1]
    list_ = Path(snapshot["manifest-list"].removeprefix("file://"))

    def read(path: Path) -> tuple[Any, Any, list[Any]]:
        with path.open("rb") as opened:
            reader = fastavro.reader(opened)
            kept = {k: v for k, v in reader.metadata.items() if not k.startswith("avro.")}
            return reader.writer_schema, kept, list(reader)

    def write(path: Path, schema: Any, kept: Any, records: list[Any]) -> None:
        out = io.BytesIO()
        fastavro.writer(out, schema, records, metadata=kept)
        path.write_bytes(out.getvalue())

    schema, kept, manifests = read(list_)
    manifest = manifests[0]
    own_schema, own_kept, entries = read(Path(manifest["manifest_path"].removeprefix("file://")))
    entry = entries[0]
    place = f"file://{delete}" if isinstance(delete, Path) else delete
    entry["data_file"] |= {"file_path": place, "content": content, "record_count": 1}
    if content == 2:
        entry["data_file"]["equality_ids"] = [1]
    made = list_.parent / "deletes.avro"
    write(made, own_schema, {**own_kept, "content": "deletes"}, [entry])
    size = made.stat().st_size
    also = {**manifest, "manifest_path": f"file://{made}", "manifest_length": size, "content": 1}
    write(list_, schema, kept, [manifest, also])


def test_deleted_rows_stay_away(catalog: SqlCatalog, tmp_path: Path) -> None:
    file = written(catalog, tmp_path, pa.table({"id": list(range(10))}))
    deletes = file.parent / "deletes.parquet"
    pq.write_table(
        pa.table({"file_path": [f"file://{file}"] * 3 + ["file:///other"], "pos": [0, 3, 9, 1]}),
        deletes,
    )
    with_deletes(catalog, deletes)
    found = rows("SELECT id FROM t ORDER BY id", t=relation(catalog))
    assert [r["id"] for r in found] == [1, 2, 4, 5, 6, 7, 8]


def test_a_delete_file_elsewhere_or_missing_or_by_values_is_refused(
    catalog: SqlCatalog, tmp_path: Path
) -> None:
    file = written(catalog, tmp_path, pa.table({"id": [1]}))
    before = {p: p.read_bytes() for p in tmp_path.rglob("*.avro")}

    def again() -> None:
        for path, content in before.items():
            path.write_bytes(content)

    with_deletes(catalog, "file:///etc/deletes.parquet")
    with pytest.raises(UnsupportedError, match=r"db\.t: a delete file is 'file:///etc/"):
        rows("SELECT * FROM t", t=relation(catalog))
    again()
    with_deletes(catalog, file.parent / "gone.parquet")
    with pytest.raises(SourceError, match=r"gone\.parquet is missing: its snapshot") as caught:
        rows("SELECT * FROM t", t=relation(catalog))
    assert caught.value.code == "file-missing"
    again()
    with_deletes(catalog, file.parent / "gone.parquet", content=2)
    with pytest.raises(UnsupportedError, match=r"db\.t has equality deletes") as refused:
        rows("SELECT * FROM t", t=relation(catalog))
    assert "spark" in (refused.value.hint or "")


def test_a_link_out_of_a_local_table_is_not_followed(catalog: SqlCatalog, tmp_path: Path) -> None:
    file = written(catalog, tmp_path, pa.table({"id": [1]}))
    secret = tmp_path / "secret.parquet"
    file.rename(secret)
    file.symlink_to(secret)
    with pytest.raises(UnsupportedError, match="a link leads out of its place"):
        rows("SELECT * FROM t", t=relation(catalog))
