"""Writing a dataset to files: whole or not at all.

The rows go to an unnamed file where the system has those (Linux `O_TMPFILE`), else to a hidden
temporary one; it gets its name when it is complete and on disk. A process that is killed midway
leaves nothing behind where unnamed files are to be had, and nothing under the name elsewhere.
"""

from __future__ import annotations

import os
import re
import secrets
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, Final

from headwater.diagnostics import hint_for
from headwater.errors import ConfigError, UnsupportedError

if TYPE_CHECKING:
    from headwater.dataset import Dataset

FORMATS: Final = {"parquet": ".parquet", "csv": ".csv", "arrow": ".arrow"}
"""Formats that core writes, and the endings of their files."""

_URI: Final = re.compile(r"[a-z][a-z0-9+.-]+:/")
"""A URI, or what `Path` makes of one."""


def write(dataset: Dataset, path: str | Path, format: str, *, overwrite: bool = False) -> Path:
    """Write all rows to one file.

    Args:
        dataset: What to write.
        path: A file with the format's ending, or a directory for `part-0` with that ending.
        format: One of `FORMATS`.
        overwrite: Replace the file if there is one.

    Returns:
        Path of the file.

    Raises:
        ConfigError: If the file exists and `overwrite` is false, or can't be made there, or is a
            URI.
    """
    if _URI.match(str(path)):
        raise ConfigError(
            f"{path} is not a path of this machine",
            hint='write it here and copy it there, or let Spark write it: read(engine="spark") and '
            "write_parquet, write_delta or write_iceberg",
        )
    target = _target(Path(path), FORMATS[format])
    if target.exists() and not overwrite:
        raise ConfigError(
            f"{target} exists", hint="choose another path, or pass overwrite=True (--overwrite)"
        )
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise ConfigError(f"{target.parent} can't be made: {error.strerror}") from error
    reader = dataset.reader()
    with reader, complete(target) as file, _sink(format, file, reader.schema) as sink:
        for batch in reader:
            sink.write_batch(batch)
    return target


def unknown_format(format: str) -> UnsupportedError:
    """Return the error for a format that nothing writes."""
    return UnsupportedError(
        f"no writer for the format {format!r}", hint=hint_for(format, FORMATS, what="formats")
    )


@contextmanager
def complete(target: Path) -> Iterator[IO[bytes]]:
    """Give a file to write to, which appears as `target` only if the block ends without error."""
    directory = target.parent
    hidden = directory / f".{target.name}.{secrets.token_hex(6)}.tmp"
    try:
        descriptor = os.open(directory, os.O_TMPFILE | os.O_RDWR, 0o666)
        unnamed = True
    except (AttributeError, OSError):
        descriptor = os.open(hidden, os.O_CREAT | os.O_EXCL | os.O_RDWR, 0o666)
        unnamed = False
    try:
        with os.fdopen(descriptor, "wb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
            if unnamed:
                _name(file.fileno(), hidden)
        hidden.replace(target)
    except BaseException:
        with suppress(FileNotFoundError):
            hidden.unlink()
        raise


def _name(descriptor: int, path: Path) -> None:
    """Give an unnamed file a name (open(2): linkat with AT_SYMLINK_FOLLOW on /proc/self/fd)."""
    directory = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY)
    try:
        # Python follows the link only if it calls linkat, which a directory descriptor makes it do.
        os.link(f"/proc/self/fd/{descriptor}", path.name, dst_dir_fd=directory)
    finally:
        os.close(directory)


def _target(path: Path, ending: str) -> Path:
    return path if path.suffix == ending and not path.is_dir() else path / f"part-0{ending}"


def _sink(format: str, file: Any, schema: Any) -> Any:
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
                    hint="write parquet or arrow instead",
                )
            return pyarrow.csv.CSVWriter(file, schema)
        case _:
            return pa.ipc.new_file(file, schema)
