from __future__ import annotations

import bz2
import gzip
import io
import pickle
import time
from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Any

import fastavro
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from core.tests.engines.embedded.object_store import KeySession, ObjectStore
from core.tests.engines.embedded.support import columns, plan, read
from duckdb import DuckDBPyConnection
from pyarrow import orc

from headwater.auth.credentials import Access
from headwater.engines.embedded import EmbeddedEngine, database
from headwater.errors import (
    AccessDeniedError,
    AuthError,
    DataChangedError,
    EngineError,
    HeadwaterError,
    UnsupportedError,
)
from headwater.interfaces.plan import Planned
from headwater.tables.relation import DataFile, FileRelation
from headwater.tables.table import TableName


def parquet_bytes(table: pa.Table) -> bytes:
    buffer = io.BytesIO()
    pq.write_table(table, buffer)
    return buffer.getvalue()


def put(store: ObjectStore, bucket: str, count: int, rows: int = 3, *, auth: str) -> FileRelation:
    """Put Parquet files into a bucket and return them as a relation."""
    files = []
    for i in range(count):
        body = parquet_bytes(pa.table({"id": range(i * rows, (i + 1) * rows)}))
        key = f"t/part {i}+{i}.parquet"
        store.objects[f"{bucket}/{key}"] = body
        files.append(DataFile(f"s3://{bucket}/{key}", len(body)))
    name = TableName("db", bucket)
    return FileRelation(name, columns(id="bigint"), files=tuple(files), auth_ref=auth)


def test_a_bucket_is_read_with_the_identity_of_its_relation(store: ObjectStore) -> None:
    relation = put(store, "lake", 3, auth="a")
    session = KeySession(store, "A", {"lake"})
    answer = read("SELECT count(*) AS n, max(id) AS m FROM t", Access({"a": session}), t=relation)
    assert answer.to_pylist() == [{"n": 9, "m": 8}]
    assert {key for key, _, _ in store.requests} == {"A1"}


def put_orc(store: ObjectStore, size: int | None = None) -> FileRelation:
    """Put an ORC file into a bucket; the relation says another size if one is given."""
    sink = pa.BufferOutputStream()
    orc.write_table(pa.table({"id": [1, 2, 3]}), sink)
    body = store.objects["lake/t.orc"] = sink.getvalue().to_pybytes()
    file = DataFile("s3://lake/t.orc", len(body) if size is None else size)
    name = TableName("db", "lake")
    return FileRelation(name, columns(id="bigint"), format="orc", files=(file,), auth_ref="a")


def test_orc_is_read_with_the_identity_of_its_relation(store: ObjectStore) -> None:
    session = KeySession(store, "A", {"lake"})
    answer = read("SELECT sum(id) AS n FROM t", Access({"a": session}), t=put_orc(store))
    assert answer.to_pylist() == [{"n": 6}]
    assert {key for key, _, _ in store.requests} == {"A1"}


@pytest.mark.parametrize(
    ("size", "buckets", "error", "says"),
    [
        (None, set(), AccessDeniedError, "t.orc"),
        (7, {"lake"}, DataChangedError, "had 7 bytes"),
        (2**30, {"lake"}, UnsupportedError, "up to 512 MiB"),
    ],
)
def test_orc_that_can_not_be_read_says_why(
    store: ObjectStore, size: int | None, buckets: set[str], error: type[Exception], says: str
) -> None:
    relation = put_orc(store, size)
    with pytest.raises(error, match=says):
        read("SELECT id FROM t", Access({"a": KeySession(store, "A", buckets)}), t=relation)


def test_several_identities_read_in_one_query(store: ObjectStore) -> None:
    mine, theirs = put(store, "mine", 3, auth="a"), put(store, "theirs", 2, auth="b")
    access = Access(
        {"a": KeySession(store, "A", {"mine"}), "b": KeySession(store, "B", {"theirs"})}
    )
    sql = "SELECT count(*) AS n, count(r.id) AS k FROM l LEFT JOIN r ON l.id = r.id"
    assert read(sql, access, l=mine, r=theirs).to_pylist() == [{"n": 9, "k": 6}]
    used = {(key, name.partition("/")[0]) for key, _, name in store.requests}
    assert used == {("A1", "mine"), ("B1", "theirs")}
    assert not store.denied


def test_the_databases_of_several_identities_share_one_limit(
    store: ObjectStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    given: list[object] = []
    original = database.database

    def seen(**settings: Any) -> AbstractContextManager[DuckDBPyConnection]:
        given.append(settings["memory_limit"])
        return original(**settings)

    monkeypatch.setattr("headwater.engines.embedded.engine.database", seen)
    mine, theirs = put(store, "mine", 3, auth="a"), put(store, "theirs", 2, auth="b")
    access = Access(
        {"a": KeySession(store, "A", {"mine"}), "b": KeySession(store, "B", {"theirs"})}
    )
    engine = EmbeddedEngine(memory_limit="1GB")
    asked = plan("SELECT l.id FROM l JOIN r ON l.id = r.id", l=mine, r=theirs)
    assert engine.compile(Planned.of(asked)).memory == 10**9
    with engine.read(asked, access) as stream:
        assert sum(b.num_rows for b in stream) == 6
    assert given == ["500000000B", "500000000B"]


def test_a_table_of_another_identity_may_be_used_twice(store: ObjectStore) -> None:
    mine, theirs = put(store, "mine", 3, auth="a"), put(store, "theirs", 1, auth="b")
    access = Access(
        {"a": KeySession(store, "A", {"mine"}), "b": KeySession(store, "B", {"theirs"})}
    )
    sql = "SELECT l.id FROM l JOIN r AS x ON l.id = x.id JOIN r AS y ON l.id = y.id"
    assert read(sql, access, l=mine, r=theirs).num_rows == 3


def _as_avro(rows: pa.Table) -> bytes:
    sink = io.BytesIO()
    fields = [{"name": n, "type": ["null", "long"]} for n in rows.column_names]
    fastavro.writer(sink, {"type": "record", "name": "r", "fields": fields}, rows.to_pylist())
    return sink.getvalue()


def _as_orc(rows: pa.Table) -> bytes:
    sink = pa.BufferOutputStream()
    orc.write_table(rows, sink)
    return bytes(sink.getvalue().to_pybytes())


def _lines(rows: pa.Table, form: Callable[[object], str]) -> bytes:
    return "".join(f"{form(v)}\n" for v in rows["id"].to_pylist()).encode()


FORMATS: dict[str, tuple[str, str, Callable[[pa.Table], bytes]]] = {
    "avro": ("avro", ".avro", _as_avro),
    "orc": ("orc", ".orc", _as_orc),
    "csv": ("csv", ".csv", lambda rows: _lines(rows, str)),
    "csv.gz": ("csv", ".csv.gz", lambda rows: gzip.compress(_lines(rows, str))),
    "json.gz": ("json", ".json.gz", lambda r: gzip.compress(_lines(r, '{{"id": {}}}'.format))),
    "hive-text.bz2": ("hive-text", ".bz2", lambda rows: bz2.compress(_lines(rows, str))),
}


@pytest.mark.parametrize("kind", FORMATS)
def test_a_table_of_another_identity_may_be_of_any_format(store: ObjectStore, kind: str) -> None:
    """Its rows come over a connection of their own, on which what was registered is there too."""
    kind_of, suffix, write = FORMATS[kind]
    mine = put(store, "mine", 3, auth="a")
    files = []
    for number in range(2):
        body = write(pa.table({"id": [2 * number, 2 * number + 1]}))
        store.objects[f"theirs/{number}{suffix}"] = body
        files.append(DataFile(f"s3://theirs/{number}{suffix}", len(body)))
    theirs = FileRelation(
        TableName("db", "theirs"),
        columns(id="bigint"),
        format=kind_of,
        files=tuple(files),
        auth_ref="b",
    )
    access = Access(
        {"a": KeySession(store, "A", {"mine"}), "b": KeySession(store, "B", {"theirs"})}
    )
    sql = "SELECT l.id FROM l JOIN r AS x ON l.id = x.id JOIN r AS y ON l.id = y.id"
    found = read(sql, access, l=mine, r=theirs)["id"].to_pylist()
    assert sorted(found) == [0, 1, 2, 3]
    assert not store.denied


def test_credentials_are_renewed_in_the_middle_of_a_stream(store: ObjectStore) -> None:
    relation = put(store, "lake", 16, 60_000, auth="a")
    session = KeySession(store, "A", {"lake"}, life=2.0)
    begin, count = time.monotonic(), 0
    engine = EmbeddedEngine(threads=1, share_bytes=2**40)  # not in shares: these run ahead
    with engine.read(plan("SELECT id FROM t", t=relation), Access({"a": session})) as stream:
        for batch in stream:
            count += batch.num_rows
            if time.monotonic() - begin < 2.6:
                time.sleep(0.3)
    assert count == 16 * 60_000
    assert time.monotonic() - begin > 2.5, "the first key must have ended during the read"
    assert not store.denied
    assert len({key for key, _, _ in store.requests}) >= 3


def test_a_renewal_that_fails_is_the_cause_that_is_told(store: ObjectStore) -> None:
    class Failing(KeySession):
        def storage(self):  # type: ignore[no-untyped-def]
            if self.issued:
                raise AuthError("the token file is gone")
            return super().storage()

    relation = put(store, "lake", 16, 60_000, auth="a")
    access = Access({"a": Failing(store, "A", {"lake"}, life=1.0)})
    engine = EmbeddedEngine(threads=1, share_bytes=2**40)  # not in shares: these run ahead
    with (  # noqa: PT012
        pytest.raises(AuthError, match="the token file is gone"),
        engine.read(plan("SELECT id FROM t", t=relation), access) as stream,
    ):
        for _ in stream:
            time.sleep(0.3)


def test_leaving_a_stream_ends_its_renewal(store: ObjectStore) -> None:
    relation = put(store, "lake", 16, 60_000, auth="a")
    session = KeySession(store, "A", {"lake"}, life=1.0)
    engine = EmbeddedEngine(threads=1)
    with engine.read(plan("SELECT id FROM t", t=relation), Access({"a": session})) as stream:
        next(iter(stream))
    issued = session.issued
    time.sleep(1.2)
    assert session.issued == issued


def test_what_may_not_be_read_is_named(store: ObjectStore) -> None:
    relation = put(store, "lake", 1, auth="a")
    access = Access({"a": KeySession(store, "A", {"other"})})
    with pytest.raises(
        AccessDeniedError, match=r"s3://lake/t/part 0\+0\.parquet of table db\.lake"
    ):
        read("SELECT * FROM t", access, t=relation)


def test_an_object_that_is_gone_is_named(store: ObjectStore) -> None:
    relation = put(store, "lake", 1, auth="a")
    store.objects.clear()
    access = Access({"a": KeySession(store, "A", {"lake"})})
    with pytest.raises(DataChangedError, match=r"s3://lake/t/part 0\+0\.parquet of table db\.lake"):
        read("SELECT * FROM t", access, t=relation)


def test_an_object_of_another_length_is_refused(store: ObjectStore) -> None:
    relation = put(store, "lake", 1, auth="a")
    (name,) = store.objects
    store.objects[name] = parquet_bytes(pa.table({"id": range(1000)}))
    access = Access({"a": KeySession(store, "A", {"lake"})})
    with pytest.raises(DataChangedError, match="bytes when the read was planned"):
        read("SELECT * FROM t", access, t=relation)


def test_no_secret_is_in_an_error(store: ObjectStore) -> None:
    relation = put(store, "lake", 1, auth="a")
    access = Access({"a": KeySession(store, "A", {"other"})})
    with pytest.raises(HeadwaterError) as caught:
        read("SELECT * FROM t", access, t=relation)
    chain: BaseException | None = caught.value
    while chain is not None:
        assert "canary" not in f"{chain!r} {chain}"
        chain = chain.__cause__ or chain.__context__
    assert b"canary" not in pickle.dumps(caught.value)


def test_an_identity_of_another_storage_is_refused(store: ObjectStore) -> None:
    class Other(KeySession):
        def storage(self):  # type: ignore[no-untyped-def]
            found = super().storage()
            return type(found)("gcs", found.secrets, found.settings, found.expires_at)

    relation = put(store, "lake", 1, auth="a")
    with pytest.raises(UnsupportedError, match="reads S3; identity 'a' opens 'gcs'"):
        read("SELECT * FROM t", Access({"a": Other(store, "A", {"lake"})}), t=relation)


@pytest.mark.parametrize("key", ["t/a?b.parquet", "t/a*.parquet", "t/a[1].parquet"])
def test_keys_that_are_patterns_are_refused(store: ObjectStore, key: str) -> None:
    relation = FileRelation(
        TableName("db", "t"), columns(id="bigint"), files=(DataFile(f"s3://lake/{key}", 1),),
        auth_ref="a",
    )  # fmt: skip
    with pytest.raises(UnsupportedError, match="as a pattern"):
        read("SELECT * FROM t", Access({"a": KeySession(store, "A", {"lake"})}), t=relation)


def test_other_storages_are_refused() -> None:
    files = (DataFile("gs://bucket/x.parquet", 1),)
    relation = FileRelation(TableName("db", "t"), columns(id="bigint"), files=files)
    with pytest.raises(UnsupportedError, match="does not read gs://"):
        read("SELECT * FROM t", t=relation)


def test_csv_in_a_bucket_is_read(store: ObjectStore) -> None:
    store.objects["lake/x.csv"] = b"h\na\nb\n"
    relation = FileRelation(
        TableName("db", "t"), columns(s="string"), format="csv", options={"header": "true"},
        files=(DataFile("s3://lake/x.csv", 6),), auth_ref="a",
    )  # fmt: skip
    answer = read("SELECT * FROM t", Access({"a": KeySession(store, "A", {"lake"})}), t=relation)
    assert answer.to_pylist() == [{"s": "a"}, {"s": "b"}]


def test_a_query_that_fails_in_the_middle_names_the_engine(store: ObjectStore) -> None:
    relation = put(store, "lake", 2, auth="a")
    access = Access({"a": KeySession(store, "A", {"lake"})})
    with pytest.raises(EngineError, match=r"embedded engine: .*DIVIDE_BY_ZERO") as caught:
        read("SELECT 1 / (id - 4) AS x FROM t", access, t=relation)
    assert caught.value.code == "spark-runtime-error"


def test_a_text_of_another_length_is_refused(store: ObjectStore) -> None:
    store.objects["lake/x.csv"] = b"h\na\nb\n"
    relation = FileRelation(
        TableName("db", "t"), columns(s="string"), format="csv",
        files=(DataFile("s3://lake/x.csv", 5),), auth_ref="a",
    )  # fmt: skip
    with pytest.raises(DataChangedError, match=r"had 5 bytes .* and has 6 now"):
        read("SELECT * FROM t", Access({"a": KeySession(store, "A", {"lake"})}), t=relation)
