"""Delta tables in every form of their protocol: read by what it says, or refused by name."""

from __future__ import annotations

import json
import struct
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from core.tests.engines.embedded.support import rows
from deltalake import DeltaTable
from pyroaring import BitMap

from headwater.engines.embedded.lake_formats.delta import list_files
from headwater.errors import EngineError, HeadwaterError, SourceError, UnsupportedError
from headwater.lakes.delta import check_sidecar, check_vector, features_of, file_path
from headwater.tables.relation import DeltaRelation
from headwater.tables.table import TableName
from headwater_aws.lakes.spark_schema import schema_columns

NAME = TableName("db", "t")
SECOND = {"minReaderVersion": 2, "minWriterVersion": 5}
NAMED = {
    "minReaderVersion": 3,
    "minWriterVersion": 7,
    "readerFeatures": ["columnMapping"],
    "writerFeatures": ["columnMapping"],
}
MIXED = {**SECOND, "minWriterVersion": 7, "writerFeatures": ["columnMapping"]}
PLAIN = {"minReaderVersion": 1, "minWriterVersion": 2}
FORMS: dict[str, dict[str, Any]] = {
    "version 2": SECOND,
    "version 2, writer 7": MIXED,
    "version 3": NAMED,
}


def column(name: str, number: int, physical: str, type_: Any = "string") -> dict[str, Any]:
    told = {"delta.columnMapping.id": number, "delta.columnMapping.physicalName": physical}
    return {"name": name, "type": type_, "nullable": True, "metadata": told}


def mode(name: str) -> dict[str, Any]:
    return {"delta.columnMapping.mode": name, "delta.columnMapping.maxColumnId": "99"}


class Log:
    """A Delta table in a directory, one version at a time."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.version = -1
        (folder / "_delta_log").mkdir(parents=True)

    def commit(
        self,
        *adds: tuple[str, pa.Table] | dict[str, Any],
        removed: Mapping[str, Any] | None = None,
        protocol: Mapping[str, Any] | None = None,
        fields: list[dict[str, Any]] | None = None,
        keys: tuple[str, ...] = (),
        **configuration: str,
    ) -> DeltaRelation:
        self.version += 1
        log: list[dict[str, Any]] = [] if protocol is None else [{"protocol": dict(protocol)}]
        if fields is not None:
            metadata = {
                "id": "11111111-1111-1111-1111-111111111111",
                "format": {"provider": "parquet", "options": {}},
                "schemaString": json.dumps({"type": "struct", "fields": fields}),
                "partitionColumns": list(keys),
                "configuration": configuration,
                "createdTime": 0,
            }
            log.append({"metaData": metadata})
            self.columns = schema_columns({"fields": fields})
        if removed is not None:
            vector = {k: v for k, v in removed.items() if k == "deletionVector"}
            gone = {"path": removed["path"], "deletionTimestamp": 0, "dataChange": True, **vector}
            log.append({"remove": gone})
        for add in adds:
            if isinstance(add, tuple):
                pq.write_table(add[1], self.folder / add[0])
                add = {"path": add[0], "size": (self.folder / add[0]).stat().st_size}
            also = {"partitionValues": {}, "size": 1, "modificationTime": 0, "dataChange": True}
            log.append({"add": {**also, **add}})
        file = self.folder / "_delta_log" / f"{self.version:020}.json"
        file.write_text("\n".join(map(json.dumps, log)) + "\n")
        return DeltaRelation(NAME, self.columns, str(self.folder), self.version)


def found(relation: DeltaRelation) -> list[dict[str, Any]]:
    return rows("SELECT * FROM t", t=relation)


@pytest.fixture
def log(tmp_path: Path) -> Log:
    return Log(tmp_path / "t")


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize(
    ("fields", "file", "right"),
    [
        (
            [column("id", 1, "id"), column("outcome", 2, "label")],
            {"id": ["a"], "label": ["paid"]},
            {"id": "a", "outcome": "paid"},
        ),
        (
            [column("label", 1, "pred"), column("pred", 2, "label")],
            {"label": ["L"], "pred": ["P"]},
            {"label": "P", "pred": "L"},
        ),
        (
            [column("id", 1, "id"), column("label", 3, "col-3")],
            {"id": ["a"], "label": ["DROPPED"]},
            {"id": "a", "label": None},
        ),
        (
            [column("id", 1, "col-1"), column("Label", 2, "col-2")],
            {"col-1": ["a"], "col-2": ["L"], "COL-2": ["WRONG"]},
            {"id": "a", "Label": "L"},
        ),
    ],
    ids=["renamed", "swapped", "added again", "made so"],
)
def test_columns_are_found_by_their_physical_names(
    log: Log, form: str, fields: Any, file: dict[str, Any], right: dict[str, Any]
) -> None:
    asked = log.commit(
        ("p.parquet", pa.table(file)), protocol=FORMS[form], fields=fields, **mode("name")
    )
    assert found(asked) == [right]


def with_ids(**columns: tuple[int, pa.Array]) -> pa.Table:
    fields = [
        pa.field(n, a.type, metadata={"PARQUET:field_id": str(i)}) for n, (i, a) in columns.items()
    ]
    return pa.Table.from_arrays([a for _, a in columns.values()], schema=pa.schema(fields))


@pytest.mark.parametrize("form", FORMS)
def test_columns_are_found_by_their_ids(log: Log, form: str) -> None:
    fields = [column("id", 7, "wrong"), column("label", 8, "x"), column("new", 9, "y")]
    table = with_ids(x=(7, pa.array(["a"])), y=(8, pa.array(["L"])), wrong=(6, pa.array(["W"])))
    asked = log.commit(("p.parquet", table), protocol=FORMS[form], fields=fields, **mode("id"))
    assert found(asked) == [{"id": "a", "label": "L", "new": None}]


def test_files_without_ids_are_refused_where_ids_decide(log: Log) -> None:
    fields = [column("id", 7, "id")]
    table = pa.table({"id": ["a"]})
    asked = log.commit(("p.parquet", table), protocol=SECOND, fields=fields, **mode("id"))
    with pytest.raises(UnsupportedError, match="a file of it has none"):
        found(asked)


def test_nested_fields_are_found_too(log: Log) -> None:
    def pair(number: int) -> dict[str, Any]:
        own = [column("b", number, "a"), column("a", number + 1, "b", "long")]
        return {"type": "struct", "fields": own}

    fields = [
        column("id", 1, "id"),
        column("s", 2, "p-2", pair(10)),
        column("l", 5, "p-5", {"type": "array", "elementType": pair(20), "containsNull": True}),
        column(
            "m",
            6,
            "p-6",
            {"type": "map", "keyType": "string", "valueType": pair(30), "valueContainsNull": True},
        ),
    ]
    one = pa.struct([pa.field("a", pa.string()), pa.field("b", pa.int32())])
    table = pa.table(
        {
            "id": ["1", "2", "3"],
            "p-2": pa.array([{"a": "x", "b": 1}, None, {"a": None, "b": None}], one),
            "p-5": pa.array([[{"a": "x", "b": 1}, None], None, []], pa.list_(one)),
            "p-6": pa.array([[("k", {"a": "x", "b": 1})], None, []], pa.map_(pa.string(), one)),
        }
    )
    asked = log.commit(("p.parquet", table), protocol=SECOND, fields=fields, **mode("name"))
    pair_ = {"b": "x", "a": 1}
    assert rows("SELECT * FROM t ORDER BY id", t=asked) == [
        {"id": "1", "s": pair_, "l": [pair_, None], "m": [("k", pair_)]},
        {"id": "2", "s": None, "l": None, "m": None},
        {"id": "3", "s": {"b": None, "a": None}, "l": [], "m": []},
    ]


def test_partitions_of_mapped_columns_have_their_values(log: Log) -> None:
    fields = [column("id", 1, "col-1"), column("day", 2, "col-2", "date")]
    pq.write_table(pa.table({"col-1": ["a"]}), log.folder / "p.parquet")
    add = {"path": "p.parquet", "partitionValues": {"col-2": "2024-01-02"}}
    asked = log.commit(add, protocol=NAMED, fields=fields, keys=("day",), **mode("name"))
    assert [str(r["day"]) for r in found(asked)] == ["2024-01-02"]
    assert rows("SELECT count(*) AS n FROM t", t=asked) == [{"n": 1}]


def test_mapping_that_came_later_reads_what_was_there_before(log: Log) -> None:
    plain: list[dict[str, Any]] = [
        {"name": n, "type": "string", "nullable": True, "metadata": {}} for n in ("id", "y")
    ]
    log.commit(("a.parquet", pa.table({"id": ["1"], "y": ["a"]})), protocol=PLAIN, fields=plain)
    log.commit(
        protocol=SECOND,
        fields=[column("id", 1, "id"), column("label", 2, "y")],
        **mode("name"),
    )
    asked = log.commit(("b.parquet", pa.table({"id": ["2"], "y": ["b"]})))
    assert rows("SELECT * FROM t ORDER BY id", t=asked) == [
        {"id": "1", "label": "a"},
        {"id": "2", "label": "b"},
    ]
    # Dropped again: the files were written anew, under the names that the columns have now.
    bare = [column("id", 1, "id"), column("label", 2, "y")]
    (log.folder / "a.parquet").unlink()
    (log.folder / "b.parquet").unlink()
    pq.write_table(
        pa.table({"id": ["2"], "label": ["b"], "y": ["WRONG"]}), log.folder / "c.parquet"
    )
    removes = [{"remove": {"path": f"{f}.parquet", "dataChange": True}} for f in ("a", "b")]
    asked = log.commit({"path": "c.parquet"}, protocol=PLAIN, fields=bare, **mode("none"))
    file = log.folder / "_delta_log" / f"{log.version:020}.json"
    file.write_text(file.read_text() + "\n".join(map(json.dumps, removes)) + "\n")
    assert found(asked) == [{"id": "2", "label": "b"}]


@pytest.mark.parametrize(
    ("protocol", "configuration", "told"),
    [
        (PLAIN, mode("name"), "its protocol does not ask readers to know of it"),
        ({**NAMED, "readerFeatures": ["timestampNtz"]}, mode("id"), "does not ask readers"),
        ({**PLAIN, "readerFeatures": ["columnMapping"]}, mode("name"), "and names features"),
        (SECOND, mode("number"), "'number' is not known"),
        ({**NAMED, "minReaderVersion": 4}, {}, "readers of version 4"),
        ({**NAMED, "minReaderVersion": 0}, {}, "readers of version 0"),
        ({**NAMED, "readerFeatures": ["columnMapping", "sorcery"]}, {}, "feature 'sorcery'"),
        ({**NAMED, "readerFeatures": ["catalogManaged"]}, {}, "feature 'catalogManaged'"),
        ({**NAMED, "readerFeatures": ["redirectReaderWriter-preview"]}, {}, "redirectReaderWriter"),
        (PLAIN, {"delta.coordinatedCommits.commitCoordinator-preview": "dynamodb"}, "coordinated"),
        (PLAIN, {"delta.redirectReaderWriter-preview": "{}"}, "redirectReaderWriter-preview"),
        (PLAIN, {"fs.s3a.endpoint": "http://127.0.0.1:1"}, "'fs.s3a.endpoint'"),
    ],
)
def test_what_is_not_known_or_leads_elsewhere_is_refused(
    protocol: dict[str, Any], configuration: dict[str, str | None], told: str
) -> None:
    with pytest.raises(HeadwaterError, match=told):
        features_of(
            protocol["minReaderVersion"], protocol.get("readerFeatures"), configuration, "db.t"
        )


@pytest.mark.parametrize(
    ("protocol", "configuration", "used"),
    [
        (PLAIN, {}, ()),
        (PLAIN, {"delta.columnMapping.mode": "none", "delta.appendOnly": "true"}, ()),
        (SECOND, {}, ()),
        (SECOND, mode("name"), ("columnMapping",)),
        (NAMED, {}, ()),
        (NAMED, mode("ID"), ("columnMapping",)),
        (
            {**NAMED, "readerFeatures": ["deletionVectors", "columnMapping", "timestampNtz"]},
            mode("name"),
            ("columnMapping", "deletionVectors", "timestampNtz"),
        ),
    ],
)
def test_features_are_told_whichever_form_names_them(
    protocol: dict[str, Any], configuration: dict[str, str | None], used: tuple[str, ...]
) -> None:
    features = protocol.get("readerFeatures")
    assert features_of(protocol["minReaderVersion"], features, configuration, "db.t") == used


@pytest.mark.parametrize("feature", ["typeWidening", "variantType", "v2Checkpoint"])
def test_features_that_the_embedded_engine_does_not_know_are_refused(
    log: Log, feature: str
) -> None:
    fields = [{"name": "id", "type": "string", "nullable": True, "metadata": {}}]
    protocol = {**NAMED, "readerFeatures": [feature], "writerFeatures": [feature]}
    asked = log.commit(("p.parquet", pa.table({"id": ["a"]})), protocol=protocol, fields=fields)
    with pytest.raises(UnsupportedError, match=f"'{feature}', which the embedded engine") as e:
        found(asked)
    assert "spark" in (e.value.hint or "")


Z85 = "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ.-:+=^!/*?&<>()[]{}@%$#"


def deleted(*positions: int, rows: int) -> dict[str, Any]:
    """Return what an `add` says of deleted rows, which stand in the log itself."""
    bits = struct.pack("<iqi", 1681511377, 1, 0) + BitMap(positions).serialize()
    padded = bits + b"\0" * (-len(bits) % 4)
    words = [int.from_bytes(padded[i : i + 4], "big") for i in range(0, len(padded), 4)]
    text = "".join(Z85[word // 85**power % 85] for word in words for power in (4, 3, 2, 1, 0))
    vector = {"storageType": "i", "pathOrInlineDv": text, "sizeInBytes": len(bits),
              "cardinality": len(positions)}  # fmt: skip
    return {"deletionVector": vector, "stats": json.dumps({"numRecords": rows})}


DELETING = {
    **NAMED,
    "readerFeatures": ["deletionVectors"],
    "writerFeatures": ["deletionVectors"],
}


def test_deleted_rows_stay_away(tmp_path: Path) -> None:
    """In files that are read in several pieces, that lie in partitions, and in oddly named ones."""
    log = Log(tmp_path / "a b \u00e9")
    fields = [{"name": n, "type": t, "nullable": True, "metadata": {}}
              for n, t in (("n", "long"), ("k", "string"))]  # fmt: skip
    count = 150_000
    gone = [0, 1, 65_535, 65_536, 131_072, count - 1]
    for folder in ("k=a%20b", "k=c"):
        (log.folder / folder).mkdir()
        pq.write_table(pa.table({"n": range(count)}), log.folder / folder / "p 0.parquet")
    adds = [
        {"path": "k=a%2520b/p%200.parquet", "partitionValues": {"k": "a b"},
         **deleted(*gone, rows=count)},
        {"path": "k=c/p%200.parquet", "partitionValues": {"k": "c"}},
    ]  # fmt: skip
    log.commit(*adds, protocol=DELETING, fields=fields, keys=("k",))
    again = {"path": "k=c/p%200.parquet", "partitionValues": {"k": "c"}}
    asked = log.commit({**again, **deleted(*range(10), rows=count)}, removed=again)
    left = "SELECT k, count(*) AS rows, count(n) AS n, sum(n) AS total FROM t GROUP BY k ORDER BY k"
    total = count * (count - 1) // 2
    assert rows(left, t=asked) == [
        {"k": "a b", "rows": count - 6, "n": count - 6, "total": total - sum(gone)},
        {"k": "c", "rows": count - 10, "n": count - 10, "total": total - 45},
    ]
    assert rows("SELECT count(*) AS n FROM t WHERE k = 'c'", t=asked) == [{"n": count - 10}]


def test_rows_that_were_deleted_since_are_told_by_the_files_marks(log: Log) -> None:
    fields = [{"name": "n", "type": "long", "nullable": True, "metadata": {}}]
    pq.write_table(pa.table({"n": range(5)}), log.folder / "p.parquet")

    seen: list[list[str | None]] = []
    before: dict[str, Any] | None = None
    for positions in ((), (1,), (1, 2), (1,)):
        add = {"path": "p.parquet"} | (deleted(*positions, rows=5) if positions else {})
        told: dict[str, Any] = {} if before else {"protocol": DELETING, "fields": fields}
        asked = log.commit(add, removed=before, **told)
        seen.append([f.etag for f, _ in list_files(asked, "n", str(log.folder), {})])
        before = add
    assert seen[0] == [None]
    assert seen[1] == seen[3]
    assert len({str(s) for s in seen}) == 3


def test_a_file_that_is_there_twice_is_refused(log: Log) -> None:
    fields = [{"name": "n", "type": "long", "nullable": True, "metadata": {}}]
    pq.write_table(pa.table({"n": range(5)}), log.folder / "p.parquet")
    adds = [{"path": "p.parquet", **deleted(n, rows=5)} for n in (1, 2)]
    asked = log.commit(*adds, protocol=DELETING, fields=fields)
    with pytest.raises(SourceError, match=r"adds p\.parquet twice"):
        found(asked)


def test_a_damaged_deletion_vector_is_an_error_and_deletes_nothing(log: Log) -> None:
    fields = [{"name": "n", "type": "long", "nullable": True, "metadata": {}}]
    pq.write_table(pa.table({"n": range(5)}), log.folder / "p.parquet")
    told = deleted(1, rows=5)
    told["deletionVector"]["pathOrInlineDv"] = "0" * 40
    asked = log.commit({"path": "p.parquet", **told}, protocol=DELETING, fields=fields)
    with pytest.raises(HeadwaterError, match="deletion vector"):
        found(asked)


PATHS = [
    "file:///etc/passwd", "FILE:///etc/passwd", "file:/etc/passwd", "/etc/passwd", "//host/x",
    "http://127.0.0.1:1/x", "s3://other/x", "s3a://lake/x", "hdfs://nn/x", "abfss://x/y",
    "../x", "a/../../x", "%2e%2e/x", "%252E%252e/x", "./x", "a/%2E/x", "..\\x", "\\\\host\\x",
    "a?b", "a#b", "a%00b", "a%0Ab", "a%ffb", "",
]  # fmt: skip


@pytest.mark.parametrize("path", PATHS)
def test_a_file_elsewhere_is_refused_by_its_place(log: Log, path: str) -> None:
    with pytest.raises(UnsupportedError) as caught:
        file_path(path, "db.t")
    assert caught.value.code == "foreign-place"
    assert repr(path) in caught.value.message
    if not path:
        return
    fields = [{"name": "id", "type": "string", "nullable": True, "metadata": {}}]
    asked = log.commit({"path": path}, protocol=PLAIN, fields=fields)
    with pytest.raises(UnsupportedError, match=r"db\.t: a data file is") as refused:
        found(asked)
    assert refused.value.code == "foreign-place"


@pytest.mark.parametrize(
    ("path", "decoded"),
    [
        ("p%200.parquet", "p 0.parquet"),
        ("dt=2024-01-01%2000%253A00/p.parquet", "dt=2024-01-01 00%3A00/p.parquet"),
        ("k=a%2Fb/p.parquet", "k=a/b/p.parquet"),
        ("k=%C3%A9/..x/p...parquet", "k=é/..x/p...parquet"),
    ],
)
def test_a_file_of_the_tables_own_is_decoded_once(path: str, decoded: str) -> None:
    assert file_path(path, "db.t") == decoded


def test_deletion_vectors_and_sidecars_lie_beside_the_table() -> None:
    uuid = "vBn[lx{q8@P<9BNH/isA"
    for storage, place in (
        ("i", "wi5b=000010000siXQKl0rr91000f55c8Xg0"),
        ("u", uuid),
        ("u", f"ab{uuid}"),
    ):
        check_vector(storage, place, "db.t")
    for storage, place in (
        ("p", "file:///etc/x.bin"),
        ("p", "s3://lake/t/x.bin"),
        ("u", f"../{uuid}"),
        ("u", f"file:///etc/{uuid}"),
        ("x", uuid),
    ):
        with pytest.raises(UnsupportedError, match="a deletion vector is"):
            check_vector(storage, place, "db.t")
    check_sidecar("016ae953-37a9-438e-8683-9a9a4a79a395.parquet", "db.t")
    for path in ("file:///etc/x", "../x.parquet", "a/b.parquet", "/x", "..", ".hidden", "a%2Fb"):
        with pytest.raises(UnsupportedError, match="a sidecar of its checkpoint is"):
            check_sidecar(path, "db.t")


def test_a_missing_file_is_named(log: Log) -> None:
    fields = [{"name": "id", "type": "string", "nullable": True, "metadata": {}}]
    asked = log.commit({"path": "gone.parquet"}, protocol=PLAIN, fields=fields)
    with pytest.raises(SourceError, match=r"gone\.parquet is missing: its version 0") as caught:
        found(asked)
    assert caught.value.code == "file-missing"
    assert "plan" not in (caught.value.hint or "")


@pytest.mark.parametrize(
    ("told", "file", "right"),
    [
        ("long", pa.array([1, None], pa.int32()), [1, None]),
        ("double", pa.array([1.5], pa.float32()), [1.5]),
        ("integer", pa.array([2**40], pa.int64()), None),
        ("string", pa.array([1]), None),
        ("integer", pa.array(["1"]), None),
        ("timestamp_ntz", pa.array([1], pa.timestamp("us", "UTC")), None),
    ],
)
def test_a_file_of_another_type_widens_or_is_refused(
    log: Log, told: str, file: pa.Array, right: list[Any] | None
) -> None:
    fields = [{"name": "a", "type": told, "nullable": True, "metadata": {}}]
    protocol = {**NAMED, "readerFeatures": ["timestampNtz"], "writerFeatures": ["timestampNtz"]}
    asked = log.commit(("p.parquet", pa.table({"a": file})), protocol=protocol, fields=fields)
    if right is None:
        with pytest.raises(EngineError, match=r"declares its column a .* a file of it holds"):
            found(asked)
    else:
        assert [r["a"] for r in found(asked)] == right


def test_checkpoints_are_read(log: Log) -> None:
    fields = [column("id", 1, "col-1")]
    for n in range(3):
        told: Any = {"protocol": SECOND, "fields": fields, **mode("name")} if n == 0 else {}
        log.commit((f"{n}.parquet", pa.table({"col-1": [str(n)]})), **told)
    DeltaTable(str(log.folder)).create_checkpoint()
    for n in range(2):
        (log.folder / "_delta_log" / f"{n:020}.json").unlink()
    asked = DeltaRelation(NAME, log.columns, str(log.folder), 2)
    assert sorted(r["id"] for r in found(asked)) == ["0", "1", "2"]
