"""Iceberg scans: a snapshot's rows in the table's current schema, through pyiceberg.

pyiceberg is given a state that was cut down to data (`headwater.lakes.iceberg`), and a FileIO that
opens files of the table's own store. It has no catalog, no properties and no cache: it would share
what it remembers of manifests among all tables of the process, by paths that their owners choose.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from typing import Any, cast

import pyarrow as pa
from pyiceberg.io import FileIO, InputFile, InputStream, OutputFile
from pyiceberg.io.pyarrow import ArrowScan, schema_to_pyarrow
from pyiceberg.manifest import DataFile, ManifestFile, read_manifest_list
from pyiceberg.schema import Schema
from pyiceberg.table import DataScan, FileScanTask
from pyiceberg.table.metadata import TableMetadataUtil
from pyiceberg.table.snapshots import Snapshot

from headwater.engines.embedded.lake_files import LakeFiles, told
from headwater.errors import SourceError, UnsupportedError
from headwater.foreign import packed_json
from headwater.lakes.iceberg import pinned
from headwater.relation import IcebergRelation


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
    place = relation.metadata_location
    with files.open(place, "its metadata file") as file, told(relation, place):
        metadata = packed_json(file.read())
    with told(relation, place):
        state = pinned(metadata, relation.snapshot_id, files.store, relation.name)
        scan = _Scan(
            table_metadata=TableMetadataUtil.parse_obj(state),
            io=_Files(files),
            selected_fields=tuple(columns),
            case_sensitive=False,
        )
        projection = _projection(scan, relation, columns)

    def open_() -> pa.RecordBatchReader:
        target = schema_to_pyarrow(projection, include_field_ids=False)
        with told(relation):
            tasks = list(scan.plan_files()) if relation.snapshot_id is not None else []
            for task in tasks:
                _check(task, relation, files)
        return pa.RecordBatchReader.from_batches(
            target, _batches(relation, scan, projection, tasks, target)
        )

    return open_


class _Scan(DataScan):
    """A scan of the current snapshot, whose manifests are read and not remembered."""

    def snapshot(self) -> Snapshot | None:
        found = super().snapshot()
        return None if found is None else _Snapshot.model_construct(**dict(found))


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
    known = {f.name.casefold() for f in schema.fields}
    if lost := [c for c in columns if c.casefold() not in known]:
        raise SourceError(
            f"Iceberg table {relation.name}: its current schema has no column {lost[0]!r}",
            code="data-changed",
            hint="plan the read again",
        )
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
    target: pa.Schema,
) -> Iterator[pa.RecordBatch]:
    arrow: Any = ArrowScan(
        scan.table_metadata, scan.io, projection, scan.row_filter, scan.case_sensitive
    )
    with told(relation):
        # pyiceberg holds all files of a call whole in memory.
        at_once = 2 * (os.cpu_count() or 1)
        for start in range(0, len(tasks), at_once):
            for batch in arrow.to_record_batches(tasks[start : start + at_once]):
                yield from pa.Table.from_batches([batch]).cast(target).to_batches()
