"""Iceberg scans: a snapshot's rows in the table's current schema, through pyiceberg.

pyiceberg is given a state that was cut down to data (`headwater.lakes.iceberg`), and a FileIO that
opens files of the table's own store. It has no catalog, no properties and no cache: it would share
what it remembers of manifests among all tables of the process, by paths that their owners choose.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from typing import Any, Final, cast

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.dataset as ds
from pyiceberg.conversions import from_bytes
from pyiceberg.io import FileIO, InputFile, InputStream, OutputFile
from pyiceberg.io.pyarrow import (
    ArrowAccessor,
    ArrowProjectionVisitor,
    pyarrow_to_schema,
    schema_to_pyarrow,
)
from pyiceberg.manifest import DataFile, FileFormat, ManifestFile, read_manifest_list
from pyiceberg.schema import Schema, prune_columns, visit_with_partner
from pyiceberg.table import DataScan, FileScanTask
from pyiceberg.table.deletion_vector import deletion_vectors_from_puffin_file
from pyiceberg.table.metadata import TableMetadata, TableMetadataUtil
from pyiceberg.table.puffin import PuffinFile
from pyiceberg.table.snapshots import Snapshot
from pyiceberg.transforms import IdentityTransform
from pyiceberg.types import (
    DateType,
    ListType,
    MapType,
    NestedField,
    TimestampType,
    TimestamptzType,
)

from headwater.engines import nanoseconds
from headwater.engines.embedded.lake_formats.files import (
    BATCH_ROWS,
    ON_SPARK,
    LakeFiles,
    check_columns,
    lists_of,
    opened_ahead,
    translated,
)
from headwater.errors import SourceError, UnsupportedError
from headwater.lakes.iceberg import pinned
from headwater.tables.relation import DataFile as Listed
from headwater.tables.relation import FileTimes, IcebergRelation
from headwater.untrusted.texts import packed_json

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)


def open_scan(
    relation: IcebergRelation, columns: Sequence[str], files: LakeFiles
) -> Callable[[], pa.RecordBatchReader]:
    """Return what opens a table's rows from their beginning.

    Args:
        relation: The table.
        columns: Names of the columns to read.
        files: Opens its files.

    Raises:
        UnsupportedError: If the table uses a feature that is not known here, or its metadata leads
            elsewhere.
        SourceError: If its metadata is missing or broken.
    """
    scan = _opened(relation, columns, files)
    with translated(relation, relation.metadata_location):
        projection = _projection(scan, relation, columns)

    def open_() -> pa.RecordBatchReader:
        target = schema_to_pyarrow(projection, include_field_ids=False)
        tasks = _tasks(scan, relation, files)
        if (only := relation.only_files) is not None:
            tasks = [task for task in tasks if task.file.file_path in only]
        return pa.RecordBatchReader.from_batches(
            target, _batches(relation, scan, projection, tasks, files, target)
        )

    return open_


def list_files(
    relation: IcebergRelation, column: str, files: LakeFiles
) -> list[tuple[Listed, FileTimes]]:
    """Return a snapshot's data files, each with its least and greatest value of a time column.

    A file that is written stays as it is; what of its rows is deleted stands in other files, which
    are in its mark.

    Args:
        relation: The table.
        column: The time column, in any case.
        files: Opens its metadata.

    Raises:
        HeadwaterError: As `open_scan`.
    """
    scan = _opened(relation, [column], files)
    with translated(relation, relation.metadata_location):
        field = _projection(scan, relation, [column]).fields[0]
    listed_files = []
    for task in _tasks(scan, relation, files):
        deletes = sorted(f"{d.file_path}:{d.record_count}" for d in task.delete_files)
        mark = sha256("\n".join(deletes).encode()).hexdigest()[:16] if deletes else None
        lower, upper = (
            _moment(field, (bounds or {}).get(field.field_id))
            for bounds in (task.file.lower_bounds, task.file.upper_bounds)
        )
        times = None if lower is None or upper is None else (lower, upper)
        listed = Listed(task.file.file_path, task.file.file_size_in_bytes, etag=mark)
        listed_files.append((listed, times))
    return listed_files


def replaced_since(relation: IcebergRelation, files: LakeFiles) -> tuple[int, ...]:
    """Return the snapshots after which nothing but files was replaced, rows staying as they are.

    All snapshots between must be there and say so (`replace`): of one that was expired, nobody
    knows what it was.

    Args:
        relation: The table.
        files: Opens its metadata.

    Raises:
        HeadwaterError: As `open_scan`.

    Source: Apache Iceberg, "Table Spec", "Snapshots": `replace` is data and delete files replaced
    without changing the data of the table.
    """
    place = relation.metadata_location
    with files.open(place, "its metadata file") as file, translated(relation, place):
        metadata: Any = packed_json(file.read())
        snapshots = {s["snapshot-id"]: s for s in metadata.get("snapshots") or ()}
        snapshot_ids: list[int] = []
        at: Any = relation.snapshot_id
        while at is not None and at not in snapshot_ids:
            snapshot_ids.append(at)
            snapshot = snapshots.get(at)
            if snapshot is None or (snapshot.get("summary") or {}).get("operation") != "replace":
                break
            at = snapshot.get("parent-snapshot-id")
    return tuple(snapshot_ids)


def _moment(field: NestedField, bound: bytes | None) -> datetime | None:
    """Return the instant that a bound of a time column stands for; local times are of UTC."""
    if bound is None or not isinstance(
        field.field_type, TimestampType | TimestamptzType | DateType
    ):
        return None
    days = isinstance(field.field_type, DateType)
    try:
        value: Any = from_bytes(field.field_type, bound)
        return _EPOCH + (timedelta(days=value) if days else timedelta(microseconds=value))
    except (OverflowError, struct.error):  # a bound of another length is none
        return None


def _opened(relation: IcebergRelation, columns: Sequence[str], files: LakeFiles) -> _Scan:
    place = relation.metadata_location
    with files.open(place, "its metadata file") as file, translated(relation, place):
        metadata = packed_json(file.read())
    with translated(relation, place):
        state = pinned(metadata, relation.snapshot_id, files.store, relation.name)
        return _Scan(
            table_metadata=TableMetadataUtil.parse_obj(state),
            io=_Files(files),
            selected_fields=tuple(columns),
            case_sensitive=False,
        )


def _tasks(scan: _Scan, relation: IcebergRelation, files: LakeFiles) -> list[FileScanTask]:
    with translated(relation):
        tasks = list(scan.plan_files()) if relation.snapshot_id is not None else []
        for task in tasks:
            _check(task, relation, files)
    return tasks


class _Scan(DataScan):
    """A scan of the current snapshot, whose manifests are read and not remembered."""

    def snapshot(self) -> Snapshot | None:
        plain = super().snapshot()
        return None if plain is None else _Snapshot.model_construct(**dict(plain))


class _Snapshot(Snapshot):
    def manifests(self, io: FileIO) -> list[ManifestFile]:
        return list(read_manifest_list(io.new_input(self.manifest_list)))


class _Files(FileIO):
    """pyiceberg's way to files, to those of the table's store only."""

    def __init__(self, files: LakeFiles) -> None:
        super().__init__({})
        self._files = files

    def new_input(self, location: str) -> InputFile:
        return _File(location, self._files)

    def new_output(self, location: str) -> OutputFile:
        raise UnsupportedError(f"nothing is written here: {location}")

    def delete(self, location: str | InputFile | OutputFile) -> None:
        raise UnsupportedError(f"nothing is deleted here: {location}")


class _File(InputFile):
    def __init__(self, location: str, files: LakeFiles) -> None:
        super().__init__(location)
        self._files = files

    def __len__(self) -> int:
        with self._files.open(self.location, "a file that it names") as file:
            return int(file.size())

    def exists(self) -> bool:
        try:
            self._files.open(self.location, "a file that it names").close()
        except SourceError:
            return False
        return True

    def open(self, seekable: bool = True) -> InputStream:
        return cast("InputStream", self._files.open(self.location, "a file that it names"))


def _projection(scan: _Scan, relation: IcebergRelation, columns: Sequence[str]) -> Schema:
    schema = scan.table_metadata.schema()
    check_columns(relation, columns, (f.name for f in schema.fields))
    return schema.select(*columns, case_sensitive=False)


def _check(task: FileScanTask, relation: IcebergRelation, files: LakeFiles) -> None:
    """Look at all that a task would open before anything of it is opened."""
    deletes: set[DataFile] = task.delete_files
    for what, file in (("a data file", task.file), *(("a delete file", d) for d in deletes)):
        files.store.path(file.file_path, what, relation.name)
        if file.key_metadata:
            raise UnsupportedError(
                f"Iceberg table {relation.name}: {file.file_path} is encrypted, which is not read"
            )


def _batches(
    relation: IcebergRelation,
    scan: _Scan,
    projection: Schema,
    tasks: Sequence[FileScanTask],
    files: LakeFiles,
    target: pa.Schema,
) -> Iterator[pa.RecordBatch]:
    deletes = _Deletes(files)
    visit: Any = visit_with_partner
    metadata = scan.table_metadata
    names = metadata.name_mapping()

    def opened(task: FileScanTask) -> Any:
        place = task.file.file_path
        file: Any = files.open(place, "a data file")
        with translated(relation, place):
            return _format(task.file).make_fragment(file)

    for task, fragment in opened_ahead(tasks, opened):
        with translated(relation, task.file.file_path):
            physical = fragment.physical_schema
            whole = pyarrow_to_schema(
                physical,
                names,
                downcast_ns_timestamp_to_us=metadata.format_version <= 2,
                format_version=metadata.format_version,
            )
            file_schema = prune_columns(whole, _leaves(projection), select_full_types=False)
            finding = _Finding(
                file_schema,
                downcast_ns_timestamp_to_us=True,
                projected_missing_fields=_partition_values(task, metadata, projection, whole),
                allow_timestamp_tz_mismatch=True,
            )
            start, deleted = 0, deletes.of(task)
            own = [c.name for c in file_schema.columns]
            for batch in fragment.to_batches(schema=physical, columns=own, batch_size=BATCH_ROWS):
                remaining = _without(batch, deleted, start)
                start += batch.num_rows
                remaining = _whole(remaining, relation, task.file.file_path)
                projected = visit(projection, remaining, finding, ArrowAccessor(file_schema))
                rows = pa.Table.from_batches([pa.RecordBatch.from_struct_array(projected)])
                yield from rows.cast(target).to_batches()


def _whole(batch: pa.RecordBatch, relation: IcebergRelation, path: str) -> pa.RecordBatch:
    """Return rows whose nanoseconds are whole microseconds: pyiceberg would cut them silently."""
    if not any(nanoseconds.holds(f.type) for f in batch.schema):
        return batch
    where = f"table {relation.name}, {path}"
    arrays = [
        nanoseconds.whole(array, where, f.name, truncate=relation.truncates, first=None)
        for f, array in zip(batch.schema, batch.columns, strict=True)
    ]
    return pa.RecordBatch.from_arrays(arrays, schema=batch.schema)


def _format(file: DataFile) -> Any:
    match file.file_format:
        case FileFormat.PARQUET:
            return ds.ParquetFileFormat(
                default_fragment_scan_options=ds.ParquetFragmentScanOptions(pre_buffer=True)
            )
        case FileFormat.ORC:
            return ds.OrcFileFormat()
        case other:
            raise UnsupportedError(
                f"{file.file_path} is of the format {other}, which the embedded engine does not "
                "read in Iceberg tables",
                hint=ON_SPARK,
            )


def _leaves(schema: Schema) -> set[int]:
    """Return the ids of the fields that hold values; those around them come with them."""
    return {i for i in schema.field_ids if not isinstance(schema.find_type(i), ListType | MapType)}


def _partition_values(
    task: FileScanTask, metadata: TableMetadata, projection: Schema, file_schema: Schema
) -> dict[int, Any]:
    """Return the values of columns that a file lacks because they are its partition's.

    Source: Apache Iceberg, "Table Spec", "Column Projection".
    """
    spec = metadata.specs().get(task.file.spec_id)
    lacking = projection.field_ids - file_schema.field_ids
    if not lacking or spec is None:
        return {}
    return {
        field.source_id: value
        for at, field in enumerate(spec.fields)
        if field.source_id in lacking
        and isinstance(field.transform, IdentityTransform)
        and (value := task.file.partition[at]) is not None
    }


class _Deletes:
    """Positions of deleted rows, by data file; each delete file is read once."""

    def __init__(self, files: LakeFiles) -> None:
        self._files = files
        self._read: dict[str, Mapping[str, Any]] = {}

    def of(self, task: FileScanTask) -> Any:
        """Return the positions of a data file's rows that are deleted, or None."""
        parts = []
        for delete in sorted(task.delete_files, key=lambda d: d.file_path):
            if delete.file_path not in self._read:
                self._read[delete.file_path] = self._positions(delete)
            if (some := self._read[delete.file_path].get(task.file.file_path)) is not None:
                parts.append(some)
        return pa.concat_arrays(parts) if parts else None

    def _positions(self, delete: DataFile) -> Mapping[str, Any]:
        with self._files.open(delete.file_path, "a delete file") as file:
            if delete.file_format == FileFormat.PUFFIN:
                vectors = deletion_vectors_from_puffin_file(PuffinFile(file.read()))
                return {
                    v.referenced_data_file: v.to_vector().combine_chunks().cast(pa.int64())
                    for v in vectors
                }
            fragment = _format(delete).make_fragment(file)
            table = ds.Scanner.from_fragment(fragment, columns=["file_path", "pos"]).to_table()
        grouped = table.group_by("file_path").aggregate([("pos", "list")]).to_batches()
        return {
            place.as_py(): positions.values.cast(pa.int64())
            for batch in grouped
            for place, positions in zip(
                batch.column("file_path"), batch.column("pos_list"), strict=True
            )
        }


def _without(batch: pa.RecordBatch, deleted: Any, start: int) -> pa.RecordBatch:
    """Return a batch without its deleted rows; `start` is its place in the file."""
    if deleted is None:
        return batch
    places = pa.array(range(start, start + batch.num_rows), pa.int64())
    return batch.filter(pc.invert(pc.is_in(places, value_set=deleted)))


class _Finding(ArrowProjectionVisitor):
    """Finds a file's columns by their ids; pyiceberg's own makes empty lists and maps of NULLs."""

    def list(self, list_type: ListType, list_array: Any, value_array: Any) -> Any:
        if not isinstance(list_array, pa.ListArray | pa.LargeListArray) or value_array is None:
            return super().list(list_type, list_array, value_array)
        values = self._cast_if_needed(list_type.element_field, value_array)
        field = self._construct_field(list_type.element_field, values.type)
        large = isinstance(list_array, pa.LargeListArray)
        return lists_of(list_array, pa.large_list(field) if large else pa.list_(field), values)

    def map(self, map_type: MapType, map_array: Any, key_result: Any, value_result: Any) -> Any:
        if not isinstance(map_array, pa.MapArray) or key_result is None or value_result is None:
            return super().map(map_type, map_array, key_result, value_result)
        keys = self._cast_if_needed(map_type.key_field, key_result)
        values = self._cast_if_needed(map_type.value_field, value_result)
        type_: Any = pa.map_
        fields = (
            self._construct_field(map_type.key_field, keys.type),
            self._construct_field(map_type.value_field, values.type),
        )
        return lists_of(map_array, type_(*fields), keys, values)
