"""Delta scans: a version's rows in the table's schema, file by file.

deltalake reads the log, and says which files there are and the values of their partitions. The
files are opened here, and their columns are found as the table's protocol says: by name, by a
physical name, or by a field id.

Which rows of a file are deleted, deltalake says too.

Source: Delta Transaction Log Protocol, "Column Mapping", "Reader Requirements for Column Mapping",
"Deletion Vectors".
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from hashlib import sha256
from typing import Any, Final
from urllib.parse import unquote

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.dataset as ds
from deltalake import DeltaTable
from deltalake.exceptions import DeltaError

from headwater.engines.embedded.formats.calendars import MODERN, SPARK_KEYS, calendar_of
from headwater.engines.embedded.lake_formats.files import (
    BATCH_ROWS,
    ON_SPARK,
    LakeFiles,
    check_columns,
    lists_of,
    opened_ahead,
    translated,
    unknown_feature,
)
from headwater.errors import (
    ConfigError,
    EngineError,
    HeadwaterError,
    SourceError,
    UnsupportedError,
)
from headwater.lakes.delta import (
    DELETION_VECTORS,
    column_mapping,
    features_of,
    file_path,
)
from headwater.tables.relation import DataFile, DeltaRelation, FileTimes
from headwater.tables.window import instant
from headwater.types.arrow import arrow_type
from headwater.types.text import parse_type
from headwater.untrusted import limits
from headwater.untrusted.texts import json_value

_CUT: Final = timedelta(microseconds=999)
"""What a statistic of a time may lack."""
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_COMMITS: Final = 200
"""Commits that are looked through: of more, the rows say quicker whether they moved."""
_ID: Final = "delta.columnMapping.id"
_PHYSICAL: Final = "delta.columnMapping.physicalName"
_FORMAT: Final = ds.ParquetFileFormat(
    read_options=ds.ParquetReadOptions(dictionary_columns=None, coerce_int96_timestamp_unit="us"),
    default_fragment_scan_options=ds.ParquetFragmentScanOptions(pre_buffer=True),
)


@dataclass(frozen=True, slots=True)
class _Part:
    """One file.

    Args:
        path: Its path in the store.
        values: Of the partition that it is of.
        kept: Of its first rows, which are not deleted; all that come after are there.
    """

    path: str
    values: Mapping[str, Any]
    kept: pa.BooleanArray | None = None


def open_scan(
    relation: DeltaRelation,
    columns: Sequence[str],
    files: LakeFiles,
    root: str,
    options: Mapping[str, str],
) -> Callable[[], pa.RecordBatchReader]:
    """Return what opens a table's rows from their beginning.

    Args:
        relation: The table.
        columns: Names of the columns to read.
        files: Opens its files.
        root: Path of its directory in the store.
        options: How deltalake reaches the log.

    Raises:
        UnsupportedError: If the table uses a feature that is not known here, or names files
            elsewhere.
        SourceError: If its log is broken.
    """
    name = relation.name
    table, schema, actions, features = _opened(relation, options)
    metadata = table.metadata()
    configuration = metadata.configuration
    finding = _Finding(column_mapping(configuration, name), relation)
    fields = {f["name"].casefold(): f for f in schema["fields"]}
    check_columns(relation, columns, fields)
    read_fields = [fields[c.casefold()] for c in columns]
    keys = set(metadata.partition_columns)
    kept_rows = _kept_rows(table, relation) if DELETION_VECTORS in features else {}
    parts = _parts(actions, keys, kept_rows, relation, root)
    if relation.only_files is not None:
        parts = [part for part in parts if part.path in relation.only_files]

    def open_() -> pa.RecordBatchReader:
        target = pa.schema([pa.field(f["name"], _arrow(f["type"])) for f in read_fields])
        return pa.RecordBatchReader.from_batches(
            target, _batches(relation, files, parts, read_fields, keys, finding, target)
        )

    return open_


def list_files(
    relation: DeltaRelation, column: str, root: str, options: Mapping[str, str]
) -> list[tuple[DataFile, FileTimes]]:
    """Return a version's data files, each with its least and greatest value of a time column.

    A file that is written stays as it is; which of its rows are deleted is in its mark. Its log's
    statistics are cut to milliseconds.

    Args:
        relation: The table.
        column: The time column, in any case.
        root: Path of the table's directory in the store.
        options: How deltalake reaches the log.

    Raises:
        HeadwaterError: As `open_scan`.
    """
    table, schema, actions, features = _opened(relation, options)
    kept_rows = _kept_rows(table, relation) if DELETION_VECTORS in features else {}
    plain = column_mapping(table.metadata().configuration, relation.name) == "none"
    spelled = [f["name"] for f in schema["fields"] if f["name"].casefold() == column.casefold()]
    names = [f"{end}.{spelled[0]}" for end in ("min", "max")] if plain and spelled else []
    complete = len(names) == 2 and all(n in actions.column_names for n in names)
    ends = [actions.column(n).to_pylist() for n in names] if complete else []
    paths = _paths(actions, kept_rows, relation)
    sizes: list[Any] = actions.column("size_bytes").to_pylist()
    listed: list[tuple[DataFile, FileTimes]] = []
    for number, (path, size) in enumerate(zip(paths, sizes, strict=True)):
        first, last = (_moment(values[number]) for values in ends) if ends else (None, None)
        times = None if first is None or last is None else _around(first, last)
        mark = None
        if (rows := kept_rows.get(path)) is not None:
            mark = sha256(bytes(pc.cast(rows, pa.uint8()).to_numpy())).hexdigest()[:16]
        listed.append((DataFile(f"{root.rstrip('/')}/{path}", size, etag=mark), times))
    return listed


def rearranged_since(relation: DeltaRelation, files: LakeFiles, root: str) -> range:
    """Return the versions, up to the relation's, after which rows were only put into other files.

    Each file that the commits between add or remove must say so (`dataChange: false`), and nothing
    else may be another, as a schema. Of a commit that is not there, or damaged, nobody knows.

    Args:
        relation: The table.
        files: Opens its log.
        root: Path of the table's directory in the store.

    Source: Delta Transaction Log Protocol, "Add File and Remove File".
    """
    first = relation.version
    last_looked_at = max(first - _COMMITS, 0)
    with suppress(HeadwaterError):
        while first > last_looked_at and _rearranges(relation, first, files, root):
            first -= 1
    return range(first, relation.version + 1)


def _rearranges(relation: DeltaRelation, version: int, files: LakeFiles, root: str) -> bool:
    """Return whether a commit leaves rows and schema as they are."""
    path = f"{root.rstrip('/')}/_delta_log/{version:020d}.json"
    uri = _uri(files, path)
    with files.open_path(path, uri) as file, translated(relation, uri):
        if file.size() > limits.METADATA_BYTES:
            return False
        actions = [json_value(line) for line in file.read().splitlines() if line.strip()]
        return all(_is_still(*told) for action in actions for told in action.items())


def _is_still(kind: str, action: Any) -> bool:
    """Return whether an action of a commit moves no row."""
    if kind in ("add", "remove"):
        return action.get("dataChange") is False
    return kind in ("commitInfo", "txn")


def _around(first: datetime, last: datetime) -> FileTimes:
    """Return between which times those lie of which statistics say the millisecond."""
    # Before 1970 it may be the one after.
    earlier = _CUT if first < _EPOCH else timedelta(0)
    try:
        return first - earlier, last + _CUT
    except OverflowError:
        return None


def _moment(value: Any) -> datetime | None:
    """Return the instant that a statistic stands for; dates and local times are of UTC."""
    try:
        return instant(value) if isinstance(value, date) else None
    except ConfigError:
        return None


def _opened(
    relation: DeltaRelation, options: Mapping[str, str]
) -> tuple[DeltaTable, Mapping[str, Any], pa.Table, Sequence[str]]:
    """Return a table at its version, its schema, its files, and the reader features it uses."""
    name = relation.name
    try:
        with translated(relation, f"{relation.location.rstrip('/')}/_delta_log"):
            table = DeltaTable(
                relation.location, version=relation.version, storage_options=dict(options)
            )
            protocol, metadata = table.protocol(), table.metadata()
            schema: Mapping[str, Any] = json_value(table.schema().to_json())
            actions = pa.table(table.get_add_actions(flatten=True))
    except DeltaError as error:
        raise SourceError(
            f"Delta table {name}: its log can't be read: {str(error).partition(chr(10))[0]}",
            code="broken-delta",
        ) from error
    configuration = metadata.configuration
    features = features_of(
        protocol.min_reader_version, protocol.reader_features, configuration, name
    )
    if problem := unknown_feature(features, name):
        raise UnsupportedError(problem, hint=ON_SPARK)
    return table, schema, actions, features


def _kept_rows(table: DeltaTable, relation: DeltaRelation) -> dict[str, pa.BooleanArray]:
    """Return which rows are there of the files that have deleted ones, by path below the table."""
    root = f"{unquote(table.table_uri).rstrip('/')}/"
    rows_of: dict[str, pa.BooleanArray] = {}
    with translated(relation, f"{relation.location.rstrip('/')} (its deletion vectors)"):
        try:
            vectors: Any = pa.RecordBatchReader.from_stream(table.deletion_vectors())
        except AttributeError as error:  # deltalake's older versions
            raise UnsupportedError(
                f"Delta table {relation.name} has rows that its deletion vectors say are deleted, "
                "and the deltalake that is installed does not give them",
                hint=f"pip install --upgrade deltalake; or {ON_SPARK}",
            ) from error
        for batch in vectors:
            masks: Any = batch.column("selection_vector")
            for uri, rows in zip(batch.column("filepath").to_pylist(), masks, strict=True):
                path = unquote(uri)
                if not path.startswith(root):
                    raise _without_file(relation, uri)
                rows_of[path.removeprefix(root)] = rows.values
    return rows_of


def _without_file(relation: DeltaRelation, path: str) -> SourceError:
    return SourceError(
        f"Delta table {relation.name}: a deletion vector is of {path}, which is no file of it",
        code="broken-delta",
    )


def _paths(
    actions: pa.Table, kept_rows: Mapping[str, pa.BooleanArray], relation: DeltaRelation
) -> list[str]:
    """Return the paths of a version's files; each deletion vector is of one of them."""
    paths = [file_path(str(p), relation.name) for p in actions.column("path").to_pylist()]
    if strange := sorted(kept_rows.keys() - set(paths)):
        raise _without_file(relation, strange[0])
    return paths


def _parts(
    actions: pa.Table,
    keys: set[str],
    kept_rows: Mapping[str, pa.BooleanArray],
    relation: DeltaRelation,
    root: str,
) -> list[_Part]:
    """Return the files of a version; none of them outside the table's directory."""
    paths = _paths(actions, kept_rows, relation)
    values = {k: actions.column(f"partition.{k}").combine_chunks() for k in keys}
    directory = root.rstrip("/")
    if len(set(paths)) < len(paths):
        twice = next(p for p, n in Counter(paths).items() if n > 1)
        raise SourceError(
            f"Delta table {relation.name}: its log adds {twice} twice and removes neither",
            code="broken-delta",
        )
    return [
        _Part(f"{directory}/{path}", {k: v[i] for k, v in values.items()}, kept_rows.get(path))
        for i, path in enumerate(paths)
    ]


def _batches(
    relation: DeltaRelation,
    files: LakeFiles,
    parts: Sequence[_Part],
    read_fields: Sequence[Mapping[str, Any]],
    keys: set[str],
    finding: _Finding,
    target: pa.Schema,
) -> Iterator[pa.RecordBatch]:
    def opened(part: _Part) -> Any:
        uri = _uri(files, part.path)
        file: Any = files.open_path(part.path, uri)
        with translated(relation, uri):
            fragment: Any = _FORMAT.make_fragment(file)
            fragment.ensure_complete_metadata()
        return fragment

    for part, fragment in opened_ahead(parts, opened):
        uri = _uri(files, part.path)
        with translated(relation, uri):
            yield from _rows(fragment, part, read_fields, keys, finding, target, uri)


def _uri(files: LakeFiles, path: str) -> str:
    return f"s3://{path}" if files.store.scheme == "s3" else path


def _rows(
    fragment: ds.ParquetFileFragment,
    part: _Part,
    read_fields: Sequence[Mapping[str, Any]],
    keys: set[str],
    finding: _Finding,
    target: pa.Schema,
    uri: str,
) -> Iterator[pa.RecordBatch]:
    """Yield a file's rows in the table's columns and types."""
    metadata = fragment.metadata.metadata or {}
    calendar = calendar_of({k.decode(): v.decode() for k, v in metadata.items() if k in SPARK_KEYS})
    physical = fragment.physical_schema
    spelled = {f["name"]: finding.of(f, physical) for f in read_fields if f["name"] not in keys}
    read_columns = list(dict.fromkeys(n for n in spelled.values() if n is not None))
    start = 0
    for whole in fragment.to_batches(schema=physical, columns=read_columns, batch_size=BATCH_ROWS):
        batch = _remaining(whole, part.kept, start)
        start += whole.num_rows
        rows = batch.num_rows
        arrays = []
        for field, to in zip(read_fields, target, strict=True):
            if field["name"] in keys:
                value = part.values[field["name"]]
                arrays.append(pa.repeat(value, rows).cast(to.type))
                continue
            name = spelled[field["name"]]
            if name is None:
                arrays.append(pa.nulls(rows, to.type))
            else:
                array = finding.typed(batch.column(name), field["type"], field["name"])
                if calendar != MODERN:
                    calendar.check(array, f"column {field['name']} of {uri}")
                arrays.append(array)
        yield pa.RecordBatch.from_arrays(arrays, schema=target)


def _remaining(batch: pa.RecordBatch, kept_rows: Any, start: int) -> pa.RecordBatch:
    """Return a batch without its deleted rows; `start` is its place in the file."""
    if kept_rows is None or start >= len(kept_rows):
        return batch
    some = kept_rows.slice(start, batch.num_rows)
    if len(some) < batch.num_rows:
        some = pa.concat_arrays([some, pa.repeat(pa.scalar(True), batch.num_rows - len(some))])
    return batch.filter(some)


class _Finding:
    """Where a table's columns, and the fields within them, are in a file.

    Args:
        mode: `none`, `name` or `id`.
        relation: The table, for messages.
    """

    def __init__(self, mode: str, relation: DeltaRelation) -> None:
        self._mode = mode
        self._relation = relation

    def of(self, field: Mapping[str, Any], among: pa.Schema | pa.StructType) -> str | None:
        """Return the name that a field has in a file, or None if the file has it not."""
        physical = [among.field(i) for i in range(_width(among))]
        if self._mode == "id":
            return self._by_id(field, physical)
        if self._mode == "name":
            name = self._metadata(field, _PHYSICAL)
            return name if any(f.name == name for f in physical) else None
        folded = field["name"].casefold()
        same = [f.name for f in physical if f.name.casefold() == folded]
        if len(same) > 1:
            raise EngineError(
                f"embedded engine: a file of Delta table {self._relation.name} has the columns "
                f"{same[0]!r} and {same[1]!r}, which differ in case only"
            )
        return same[0] if same else None

    def _by_id(self, field: Mapping[str, Any], physical: Sequence[Any]) -> str | None:
        id_ = str(self._metadata(field, _ID))
        ids = {f.name: _field_id(f) for f in physical}
        if ids and not any(ids.values()):
            raise UnsupportedError(
                f"Delta table {self._relation.name}: its columns are found by field ids, and a "
                "file of it has none",
                hint="its owner can write the file anew (OPTIMIZE, or INSERT OVERWRITE)",
            )
        return next((name for name, field_id in ids.items() if field_id == id_), None)

    def _metadata(self, field: Mapping[str, Any], key: str) -> Any:
        value = (field.get("metadata") or {}).get(key)
        if value is None:
            raise SourceError(
                f"Delta table {self._relation.name}: its column {field['name']!r} has no {key}",
                code="broken-delta",
            )
        return value

    def typed(self, array: Any, type_: Any, where: str) -> Any:
        """Return a column in the type that the table's schema gives it.

        Raises:
            EngineError: If its values are of another kind.
        """
        if not isinstance(type_, str):
            return self._nested(array, type_, where)
        to = _arrow(type_)
        if pa.types.is_dictionary(array.type):
            array = array.dictionary_decode()
        if array.type == to:
            return array
        if not _widens(array.type, to):
            raise self._mismatch(array.type, to, where)
        return array.cast(to)

    def _nested(self, array: Any, type_: Mapping[str, Any], where: str) -> Any:
        match type_["type"], array:
            case "struct", pa.StructArray():
                children = {
                    array.type.field(i).name: child for i, child in enumerate(array.flatten())
                }
                fields = [pa.field(f["name"], _arrow(f["type"])) for f in type_["fields"]]
                values = []
                for f, to in zip(type_["fields"], fields, strict=True):
                    name = self.of(f, array.type)
                    values.append(
                        pa.nulls(len(array), to.type)
                        if name is None
                        else self.typed(children[name], f["type"], f"{where}.{f['name']}")
                    )
                return pa.StructArray.from_arrays(values, fields=fields, mask=array.is_null())
            case "array", pa.ListArray() | pa.LargeListArray():
                array = _unsliced(array)
                within = self.typed(array.values, type_["elementType"], f"{where}.element")
                return lists_of(array, _arrow(type_), within)
            case "map", pa.MapArray():
                array = _unsliced(array)
                keys = self.typed(array.keys, type_["keyType"], f"{where}.key")
                values = self.typed(array.items, type_["valueType"], f"{where}.value")
                return lists_of(array, _arrow(type_), keys, values)
        raise self._mismatch(array.type, _arrow(type_), where)

    def _mismatch(self, file_type: pa.DataType, to: pa.DataType, where: str) -> EngineError:
        return EngineError(
            f"embedded engine: Delta table {self._relation.name} declares its column {where} "
            f"{to}, and a file of it holds {file_type}",
            hint="its owner can write the file anew; or use the spark engine for this table",
        )


def _width(among: pa.Schema | pa.StructType) -> int:
    return len(among) if isinstance(among, pa.Schema) else among.num_fields


def _field_id(field: Any) -> str | None:
    field_id = (field.metadata or {}).get(b"PARQUET:field_id")
    return None if field_id is None else field_id.decode()


def _unsliced(array: Any) -> Any:
    """Return an array that begins where its buffers begin."""
    return array if array.offset == 0 else pa.concat_arrays([array, array.slice(0, 0)])


def _arrow(type_: Any) -> Any:
    """Return the Arrow type of a type in Delta's JSON."""
    if isinstance(type_, str):
        return arrow_type(parse_type(type_))
    match type_["type"]:
        case "struct":
            return pa.struct([pa.field(f["name"], _arrow(f["type"])) for f in type_["fields"]])
        case "array":
            return pa.list_(_arrow(type_["elementType"]))
        case "map":
            return pa.map_(_arrow(type_["keyType"]), _arrow(type_["valueType"]))
        case other:
            raise UnsupportedError(f"the embedded engine does not read Delta's type {other!r}")


def _widens(file_type: pa.DataType, to: pa.DataType) -> bool:
    """Whether a type's values are the same in another one."""
    is_ = pa.types
    if is_.is_timestamp(file_type) and is_.is_timestamp(to):
        # INT96 has no zone, and is UTC; moments are no local times.
        return to.tz is not None or file_type.tz is None
    for same in (is_.is_decimal, _is_text, _is_bytes):
        if same(file_type) and same(to):
            return True
    for numbers in (is_.is_signed_integer, is_.is_floating):
        if numbers(file_type) and numbers(to):
            return bool(file_type.bit_width <= to.bit_width)
    return False


def _is_text(type_: pa.DataType) -> bool:
    # What delta-rs writes anew (of a DELETE, a MERGE) is declared as views.
    is_ = pa.types
    return is_.is_string(type_) or is_.is_large_string(type_) or is_.is_string_view(type_)


def _is_bytes(type_: pa.DataType) -> bool:
    is_ = pa.types
    return (
        is_.is_binary(type_)
        or is_.is_large_binary(type_)
        or is_.is_fixed_size_binary(type_)
        or is_.is_binary_view(type_)
    )
