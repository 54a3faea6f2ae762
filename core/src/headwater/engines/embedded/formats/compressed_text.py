"""Compressed text files as lines: decompressed by libraries that notice what is cut or damaged.

DuckDB ends a file at the place where its decompressor stops, whatever the reason: a file of which
a half is lacking gives half of its rows. Here a file's checksums and its end are proven by the time
its last line is given, and the read fails if they are not.

Lines are cut where Hadoop's reader cuts them: at newline, at carriage return, or at both together.
"""

from __future__ import annotations

import bz2
import queue
import threading
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any, Final, TypeAlias

from headwater.engines.embedded.errors import line_too_long
from headwater.engines.embedded.file_opening import Contents
from headwater.engines.embedded.row_streams import RowStream
from headwater.engines.text_files import damaged, not_text
from headwater.tables import encodings
from headwater.tables.relation import DataFile, FileRelation
from headwater.untrusted import limits

if TYPE_CHECKING:
    import pyarrow as pa

CODECS: Final = {".gz": "gzip", ".zst": "zstd", ".bz2": "bz2"}
"""What is read, by the ends of file names."""
_MARK: Final = b"\xef\xbb\xbf"
"""What some writers put before UTF-8."""
_CHUNK: Final = 2**20
_WAIT: Final = 0.2


@dataclass(frozen=True, slots=True)
class Compressed:
    """A file that DuckDB can't read itself, compressed or in another encoding than UTF-8.

    Args:
        number: Its place in the scan.
        file: The file.
        path: DuckDB's name of it.
        codec: How it is compressed; empty if it is not.
        encoding: Python's name of what its text is in; empty for UTF-8.
    """

    number: int
    file: DataFile
    path: str
    codec: str
    encoding: str = ""


Lines: TypeAlias = "Callable[[Contents, FileRelation, Compressed], Iterator[pa.StringArray]]"
"""`(contents, relation, file) -> arrays of its lines`, never an empty one."""


def stream(
    contents: Contents,
    relation: FileRelation,
    files: Sequence[Compressed],
    *,
    skip: bool,
    lines: Lines | None = None,
) -> RowStream:
    """Return the lines of files, as rows of `line` and `file_index`.

    Args:
        contents: Opens them.
        relation: Whose files they are.
        files: The files.
        skip: Whether the first line of each is left out.
        lines: Cuts a file into lines; as Hadoop does if None.
    """
    import pyarrow as pa

    columns: dict[str, Any] = {"line": pa.string(), "file_index": pa.int64()}
    schema = pa.schema(columns)

    def batches() -> Iterator[pa.RecordBatch]:
        with contents.keeping():
            parts = [
                partial(_batches, (lines or _lines)(contents, relation, one), one, skip, schema)
                for one in files
            ]
            yield from _side_by_side(parts, contents.threads, contents.left)

    return RowStream(lambda: pa.RecordBatchReader.from_batches(schema, batches()))


def whole(contents: Contents, relation: FileRelation, files: Sequence[Compressed]) -> RowStream:
    """Return the texts of files, compressed or not: each is one `line`, beside its `file_index`.

    Args:
        contents: Opens them.
        relation: Whose files they are.
        files: The files.
    """
    import pyarrow as pa

    columns: dict[str, Any] = {"line": pa.string(), "file_index": pa.int64()}
    schema = pa.schema(columns)

    def batches() -> Iterator[pa.RecordBatch]:
        with contents.keeping():
            for one in files:
                text = _text(contents, relation, one)
                row: dict[str, Any] = {"line": [text], "file_index": [one.number]}
                yield pa.record_batch(row, schema=schema)

    return RowStream(lambda: pa.RecordBatchReader.from_batches(schema, batches()))


def _text(contents: Contents, relation: FileRelation, one: Compressed) -> str:
    """Return a file's text.

    Raises:
        EngineError: If it is longer than a line may be, cut or damaged, or is no text.
    """
    data, where = bytearray(), f"{one.file.path} of table {relation.name}"
    for chunk in decompressed(contents, relation, one):
        data += chunk
        if len(data) > limits.LINE_BYTES:
            raise line_too_long(where)
    try:
        return encodings.decoded(one.encoding, bytes(data))
    except UnicodeDecodeError as error:
        raise not_text("embedded", where, _place(error, 0), one.encoding) from error


def first_line(contents: Contents, relation: FileRelation, one: Compressed) -> str | None:
    """Return the first line of a file; None if it has none."""
    for batch in _lines(contents, relation, one):
        line: str = batch[0].as_py()
        return line
    return None


def _batches(
    arrays: Iterator[pa.StringArray], one: Compressed, skip: bool, schema: pa.Schema
) -> Iterator[pa.RecordBatch]:
    import pyarrow as pa

    number = pa.scalar(one.number, pa.int64())
    for place, lines in enumerate(arrays):
        rows = lines[1:] if skip and place == 0 else lines
        yield pa.record_batch([rows, pa.repeat(number, len(rows))], schema=schema)


def _lines(contents: Contents, relation: FileRelation, one: Compressed) -> Iterator[pa.StringArray]:
    """Yield a file's lines, some at a time, never none.

    Raises:
        EngineError: If it is cut or damaged, or is not text.
    """
    rest, begin = b"", 0
    for chunk in decompressed(contents, relation, one):
        data = rest + chunk
        # A carriage return at the end may be half of a line's end.
        end = max(data.rfind(b"\n"), data.rfind(b"\r", 0, len(data) - 1)) + 1
        if end:
            yield _split(relation, one, data[:end], begin)
        rest = data[end:]
        begin += end
        if len(rest) > limits.LINE_BYTES:
            raise line_too_long(f"{one.file.path} of table {relation.name}")
    if rest:
        yield _split(relation, one, rest, begin)


def _split(relation: FileRelation, one: Compressed, data: bytes, begin: int) -> pa.StringArray:
    """Return lines out of bytes that begin somewhere in a file's text."""
    import pyarrow as pa
    import pyarrow.compute as pc

    where = f"{one.file.path} of table {relation.name}"
    compute: Any = pc
    try:
        if one.encoding:
            data = encodings.decoded(one.encoding, data).encode()
        original = data
        if b"\r" in data:
            data = data.replace(b"\r\n", b"\n").replace(b"\r", b"\n")
        text = pa.array([data.removesuffix(b"\n")], pa.binary()).cast(pa.string())
    except UnicodeDecodeError as error:
        raise not_text("embedded", where, _place(error, begin), one.encoding) from error
    except pa.ArrowException as error:
        raise not_text("embedded", where, _first_odd(original, begin)) from error
    lines: pa.StringArray = compute.split_pattern(text, pattern="\n").flatten()
    return lines


def _first_odd(data: bytes, begin: int) -> str:
    """Return where in a text the first byte is that is not UTF-8."""
    try:
        data.decode()
    except UnicodeDecodeError as error:
        return _place(error, begin)
    return ""


def _place(error: UnicodeDecodeError, begin: int) -> str:
    return f"byte {begin + error.start} of the text within"


def decompressed(contents: Contents, relation: FileRelation, one: Compressed) -> Iterator[bytes]:
    """Yield a file's bytes, without a mark of UTF-8 before them; in UTF-16 that is characters."""
    import pyarrow as pa

    where = f"{one.file.path} of table {relation.name}"
    mark = _MARK if encodings.wide_codec(one.encoding) is None else b""
    with contents.opened(relation, one.file, one.path) as raw:
        undone = _bz2(raw) if one.codec == "bz2" else _undone(raw, one.codec)
        head: bytes | None = b""
        try:
            for chunk in undone:
                if head is not None:
                    head += chunk
                    if len(head) < len(_MARK):
                        continue
                yield chunk if head is None else head.removeprefix(mark)
                head = None
        except (OSError, pa.ArrowException) as error:
            if getattr(error, "errno", None) is not None:
                raise
            raise damaged("embedded", where, str(error)) from error
        if head:
            yield head


def _undone(raw: pa.NativeFile, codec: Any) -> Iterator[bytes]:
    import pyarrow as pa

    with pa.CompressedInputStream(raw, codec) if codec else raw as plain:
        while chunk := plain.read(_CHUNK):
            yield chunk


def _bz2(raw: pa.NativeFile) -> Iterator[bytes]:
    """Yield what bzip2 files hold; pyarrow's reader (25) fails at an empty one among several."""
    part, data, begun = bz2.BZ2Decompressor(), b"", False
    while True:
        if not data and part.needs_input:
            data = raw.read(_CHUNK)
            if not data:
                break
        chunk, begun = part.decompress(data, _CHUNK), True
        data = b""
        if part.eof:
            part, data, begun = bz2.BZ2Decompressor(), part.unused_data, False
        if chunk:
            yield chunk
    if begun:
        raise OSError("Truncated compressed stream")


def _side_by_side(
    parts: Sequence[Callable[[], Iterator[pa.RecordBatch]]], threads: int, left: threading.Event
) -> Iterator[pa.RecordBatch]:
    """Yield what several iterators give, some of them at work at a time, a few batches ahead."""
    workers = max(1, min(threads, len(parts)))
    ready: queue.Queue[pa.RecordBatch | BaseException | None] = queue.Queue(2 * workers)
    stop = threading.Event()

    def put(item: pa.RecordBatch | BaseException | None) -> bool:
        while not (stop.is_set() or left.is_set()):
            try:
                ready.put(item, timeout=_WAIT)
            except queue.Full:
                continue
            return True
        return False

    left_to_do = deque(parts)

    def work() -> None:
        while not (stop.is_set() or left.is_set()):
            try:
                part = left_to_do.popleft()
            except IndexError:
                return
            try:
                if not all(put(batch) for batch in part()):
                    return
            except BaseException as error:  # noqa: BLE001 - it is raised where rows are taken
                put(error)
            else:
                put(None)

    # Threads of an executor would be waited for, before a read that nobody left can be ended.
    pool = [
        threading.Thread(target=work, name=f"headwater-lines-{i}", daemon=True)
        for i in range(workers)
    ]
    try:
        for thread in pool:
            thread.start()
        running = len(parts)
        while running and not left.is_set():
            try:
                item = ready.get(timeout=_WAIT)
            except queue.Empty:
                continue
            if item is None:
                running -= 1
            elif isinstance(item, BaseException):
                raise item
            else:
                yield item
    finally:
        stop.set()
        for thread in pool:
            # One of them may collect the garbage that this has become.
            if thread.is_alive() and thread is not threading.current_thread():
                thread.join()
