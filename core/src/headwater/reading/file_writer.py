"""Writing a dataset to files: whole or not at all.

The rows go to an unnamed file where the system has those (Linux `O_TMPFILE`), else to a hidden
temporary one; it gets its name when it is complete and on disk. A process that is killed midway
leaves nothing behind where unnamed files are to be had, and nothing under the name elsewhere.
"""

from __future__ import annotations

import errno
import os
import re
import secrets
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, Final

from headwater.diagnostics import hint_for
from headwater.errors import ConfigError, UnsupportedError
from headwater.tables.relation import FileRelation

if TYPE_CHECKING:
    import pyarrow as pa

    from headwater.interfaces.plan import Plan
    from headwater.reading.dataset import Dataset

FORMATS: Final = {"parquet": ".parquet", "csv": ".csv", "jsonl": ".jsonl", "arrow": ".arrow"}
"""Formats that core writes, and the endings of their files."""
STREAMED: Final = ("csv", "jsonl", "arrow")
"""Those that are written to a stream; `arrow` is Arrow's stream format there."""
YIELDING: Final = frozenset({"jsonl"})
"""Those that a plugin may write in the place of ours: it could before there was ours."""
_TEXTS: Final = ("csv", "jsonl")
"""Formats whose rows are in time order, where the query names none."""
_ENDING: Final = re.compile(r"\.[A-Za-z][A-Za-z0-9]*")
"""What a file's ending looks like: `2026.01` is a folder's name."""

_URI: Final = re.compile(r"[a-z][a-z0-9+.-]+:/")
"""A URI, or what `Path` makes of one."""


def write(dataset: Dataset, path: str | Path, format: str, *, overwrite: bool = False) -> Path:
    """Write all rows to one file.

    Args:
        dataset: What to write.
        path: A file with the format's ending, or a directory for `part-0` with that ending.
        format: One of `FORMATS`. Rows of CSV and JSON lines are in time order, unless the query
            names another one.
        overwrite: Replace the file if there is one.

    Returns:
        Path of the file.

    Raises:
        ConfigError: If the file exists and `overwrite` is false, also where it appears meanwhile;
            if its ending is another format's, or none that is known (`unknown-ending`); if it is
            one that the read itself reads, or a URI; `write-failed` if it can't be written (no
            room, no right).
    """
    if _URI.match(str(path)):
        raise ConfigError(
            f"{path} is not a path of this machine",
            hint='write it here and copy it there, or let Spark write it: read(engine="spark") and '
            "write_parquet, write_delta or write_iceberg",
        )
    target = _target(Path(path), FORMATS[format])
    _refuse_inputs(dataset.plan, target)
    with complete(target, overwrite=overwrite) as file:
        reader = dataset.reader()
        with reader:
            # What can't be opened may be the rows' own fault: only what is written is ours.
            sink = _sink(format, file, reader.schema)
            with _failing(target, sink.close) as close:
                for batch in _in_order(dataset, reader, format):
                    with _write_errors(target):
                        sink.write_batch(batch)
                close()
    return target


def write_stream(dataset: Dataset, file: IO[bytes], format: str) -> None:
    """Write all rows to an open stream, as they come: what is there when a read fails is a part.

    Args:
        dataset: What to write.
        file: Where to; it stays open.
        format: One of `STREAMED`.

    Raises:
        ConfigError: If the format can't be streamed.
    """
    if format not in STREAMED:
        raise ConfigError(
            f"{format} can't be written to a stream",
            code="unknown-ending",
            hint=f"write it to a file, or choose one of {', '.join(STREAMED)}",
        )
    with dataset.reader() as reader:
        sink = _sink(format, file, reader.schema, stream=True)
        for batch in _in_order(dataset, reader, format):
            sink.write_batch(batch)
        sink.close()
    file.flush()


def format_of(path: Path, others: Iterable[str] = ()) -> str | None:
    """Return the format that a file's ending names; None where it has no ending.

    Args:
        path: The file, or a folder.
        others: Formats that plugins write, each the name of its ending.

    Raises:
        ConfigError: With code `unknown-ending`, if nothing is written to such files.
    """
    if path.is_dir() or not _ENDING.fullmatch(path.suffix):
        return None
    by_ending = {ending: name for name, ending in FORMATS.items()}
    by_ending |= {f".{name}": name for name in others}
    if path.suffix.lower() in by_ending:
        return by_ending[path.suffix.lower()]
    raise ConfigError(
        f"{path}: no format's files end in {path.suffix}",
        code="unknown-ending",
        hint=f"end its name in one of {', '.join(by_ending)}; "
        "a name without an ending is a folder's",
    )


def _in_order(
    dataset: Dataset, reader: pa.RecordBatchReader, format: str
) -> Iterable[pa.RecordBatch]:
    from headwater.reading.time_order import in_time_order, names_an_order

    if format not in _TEXTS or names_an_order(dataset.plan):
        return reader
    return in_time_order(reader, reader.schema)


def _refuse_inputs(plan: Plan, target: Path) -> None:
    """Raise if a file that a plan reads is the one to be written.

    Raises:
        ConfigError: Names the file and its table.
    """
    if not target.exists():
        return
    for scan in plan.scans:
        files = scan.relation.files if isinstance(scan.relation, FileRelation) else ()
        for file in files:
            local = Path(file.path.removeprefix("file://"))
            if "://" not in str(local) and local.exists() and local.samefile(target):
                raise ConfigError(
                    f"{target} is read by this very read, as a file of table {scan.table}",
                    hint="write to another path",
                )


def unknown_format(format: str) -> UnsupportedError:
    """Return the error for a format that nothing writes."""
    return UnsupportedError(
        f"no writer for the format {format!r}", hint=hint_for(format, FORMATS, what="formats")
    )


@contextmanager
def complete(target: Path, *, overwrite: bool = False) -> Iterator[IO[bytes]]:
    """Give a file to write to, which appears as `target` only if the block ends without error.

    A link under that name is kept, and the file that it leads to is replaced.

    Args:
        target: Its path; the folder is made if it is missing.
        overwrite: Replace what is there. Without it, a file that another process puts there while
            the block runs stays, and the block ends with an error.

    Raises:
        ConfigError: If it exists and `overwrite` is false; `write-failed` if it can't be written.
    """
    if os.path.lexists(target) and not overwrite:
        raise _exists(target)
    with _write_errors(target):
        target.parent.mkdir(parents=True, exist_ok=True)
        place = target.resolve() if overwrite else target
        if place.is_dir():
            raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), str(target))
        hidden = place.parent / f".{place.name}.{secrets.token_hex(6)}.tmp"
        try:
            descriptor = os.open(place.parent, os.O_TMPFILE | os.O_RDWR, 0o666)
            unnamed = True
        except (AttributeError, OSError):
            descriptor = os.open(hidden, os.O_CREAT | os.O_EXCL | os.O_RDWR, 0o666)
            unnamed = False
    try:
        with _closing(descriptor, target) as file:
            yield file
            with _write_errors(target):
                file.flush()
                os.fsync(file.fileno())
                if unnamed:
                    _name(file.fileno(), hidden if overwrite else place)
        with _write_errors(target):
            if overwrite:
                hidden.replace(place)
            elif not unnamed:
                _rename(hidden, place)
    except BaseException:
        with suppress(OSError):
            hidden.unlink()
        raise


@contextmanager
def _closing(descriptor: int, target: Path) -> Iterator[IO[bytes]]:
    """Give an open file; where the block fails, it is closed in silence."""
    file = os.fdopen(descriptor, "wb")
    try:
        yield file
    except BaseException:
        with suppress(OSError):
            file.close()
        raise
    with _write_errors(target):
        file.close()


@contextmanager
def _failing(target: Path, close: Callable[[], object]) -> Iterator[Callable[[], None]]:
    """Give what closes a sink; where the block fails, it is closed all the same, in silence."""

    def closing() -> None:
        with _write_errors(target):
            close()

    try:
        yield closing
    except BaseException:
        with suppress(Exception):
            close()
        raise


@contextmanager
def _write_errors(target: Path) -> Iterator[None]:
    """Turn the system's refusals of the block into one of ours, which names the path."""
    try:
        yield
    except FileExistsError as error:
        if os.path.lexists(target) and not target.is_dir():
            raise _exists(target) from error
        raise _not_written(target, error) from error
    except OSError as error:
        raise _not_written(target, error) from error


def _not_written(target: Path, error: OSError) -> ConfigError:
    return ConfigError(
        f"{target} can't be written: {error.strerror or error}",
        code="write-failed",
        hint="nothing was left under that name; choose another path, or make room or rights there",
    )


def _exists(target: Path) -> ConfigError:
    return ConfigError(
        f"{target} exists", hint="choose another path, or pass overwrite=True (--overwrite)"
    )


def _rename(hidden: Path, place: Path) -> None:
    """Give a file its name, unless another has it.

    Raises:
        FileExistsError: If there is one.
    """
    try:
        place.hardlink_to(hidden)
    except FileExistsError:
        raise
    except OSError:
        # A file system without links (FAT): the name is claimed first, by a file without content.
        os.close(os.open(place, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o666))
        hidden.replace(place)
    else:
        hidden.unlink()


def _name(descriptor: int, path: Path) -> None:
    """Give an unnamed file a name (open(2): linkat with AT_SYMLINK_FOLLOW on /proc/self/fd)."""
    directory = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY)
    try:
        # Python follows the link only if it calls linkat, which a directory descriptor makes it do.
        os.link(f"/proc/self/fd/{descriptor}", path.name, dst_dir_fd=directory)
    finally:
        os.close(directory)


def _target(path: Path, ending: str) -> Path:
    named = format_of(path)
    if named is None:
        return path / f"part-0{ending}"
    if FORMATS[named] == ending:
        return path
    raise ConfigError(
        f"{path} ends in {path.suffix}, and is to be written in a format that ends in {ending}",
        code="unknown-ending",
        hint=f"end its name in {ending}, or choose the other format",
    )


def _sink(format: str, file: Any, schema: Any, *, stream: bool = False) -> Any:
    import pyarrow as pa
    import pyarrow.csv
    import pyarrow.parquet as pq

    match format:
        case "parquet":
            return pq.ParquetWriter(file, schema)
        case "csv":
            nested = [f.name for f in schema if pa.types.is_nested(f.type)]
            if nested:
                raise UnsupportedError(
                    f"CSV can't hold the columns {', '.join(nested)}",
                    hint="write jsonl, parquet or arrow instead",
                )
            return pyarrow.csv.CSVWriter(file, schema)
        case "jsonl":
            from headwater.reading.json_lines import JsonLinesWriter

            return JsonLinesWriter(file, schema)
        case _:
            return pa.ipc.new_stream(file, schema) if stream else pa.ipc.new_file(file, schema)
