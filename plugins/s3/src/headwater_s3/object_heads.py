"""What a file tells about its own columns: its footer or its first rows, in small requests."""

from __future__ import annotations

import bz2
import codecs
import csv
import gzip
import io
import itertools
import json
import re
import zlib
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from typing import TYPE_CHECKING, Any, Final

from headwater.errors import ConfigError, SourceError, UnsupportedError
from headwater.interfaces.recording import Recording
from headwater.sources.files import DECLARE
from headwater.sql.rewriting import quoted
from headwater.tables import encodings
from headwater.tables.table import Column, columns_of, parquet_columns
from headwater.types import STRING
from headwater.untrusted.texts import json_value
from headwater_aws.errors import translating
from headwater_aws.listing import S3Object, parse_uri
from headwater_aws.recording import note_excerpt

if TYPE_CHECKING:
    from headwater_aws.session import AwsSession

_BLOCK: Final = 64 * 1024
"""Bytes of one request: most footers and all sane header rows fit in one."""
_SHAPES: Final = 20
"""Rows of a JSON file whose shape a support bundle tells."""
_COMPRESSED: Final = (".gz", ".bz2", ".zst", ".snappy", ".lz4", ".deflate")
EXAMPLE: Final = 'columns={"prediction_id": "string", "score": "double"}'


def file_columns(
    session: AwsSession, file: S3Object, format: str, options: Mapping[str, str]
) -> tuple[Column, ...]:
    """Return the columns of a Parquet, ORC or CSV file.

    Args:
        session: Who reads.
        file: The file.
        format: `parquet`, `orc` or `csv`; CSV has a header row, and columns of text.
        options: Reader options in Spark's words.

    Raises:
        SourceError: If the file is not of that format.
        UnsupportedError: If it is compressed in a way whose beginning can't be read.
        AccessDeniedError: If the session may not read it.
    """
    import pyarrow as pa

    if format == "csv":
        return _header(session, file, options)
    try:
        content = pa.PythonFile(_Remote(session, file), mode="r")
        if format == "orc":
            from pyarrow import orc

            return columns_of(orc.ORCFile(content).schema)
        return parquet_columns(content)
    except pa.ArrowNotImplementedError as error:
        raise SourceError(
            f"{file.uri} has a column of a type that is not known: {error}", hint=DECLARE
        ) from error
    except (pa.ArrowException, ValueError, OSError) as error:  # of names that are no UTF-8, too
        raise SourceError(
            f"{file.uri} can't be read as {format}: {error}",
            code="wrong-format",
            hint="is `format` right, and does the path match other files too?",
        ) from error


def suggested_columns(session: AwsSession, file: S3Object) -> str:
    """Return declared columns that would fit the first rows of a JSON file, as a hint's text."""
    types: dict[str, str | None] = {}
    shapes: list[str] = []
    try:
        for line in _first_lines(session, file).splitlines():
            row = json_value(line)
            _hide(_odd_keys(row))
            for name, value in row.items():
                types[name] = _wider(types.get(name), _json_type(value))
            shapes.append(json.dumps(_shape(row)))
    except (ValueError, AttributeError, UnsupportedError):
        pass  # the last line may be cut; a first one that is no object leaves nothing
    _note_head(file, "shape", "\n".join(shapes[:_SHAPES]))
    if not types:
        return EXAMPLE
    written = {name: type_ or "string" for name, type_ in types.items()}
    return f"its first rows suggest columns={json.dumps(written)}"


_VALUE: Final = re.compile(
    r"[-+]?(?:\d[\d.,:/ TZ+-]*|\.\d+)|.*@.*|.*://.*|[Tt]rue|[Ff]alse|[Nn](?:ull|a[nN]|/[Aa])",
    re.DOTALL,
)
"""What is no column's name, as far as anybody knows: numbers, times, addresses."""


def _is_value(text: str) -> bool:
    return bool(_VALUE.fullmatch(text.strip()))


def _odd_keys(value: Any) -> Iterator[str]:
    """Yield the keys of an object that are values: of a map by address, by number, by day."""
    match value:
        case dict():
            for key, inner in value.items():
                if _is_value(key):
                    yield key
                yield from _odd_keys(inner)
        case list():
            for inner in value:
                yield from _odd_keys(inner)


def _hide(values: Iterable[str]) -> None:
    recording = Recording.current()
    if recording is not None:
        recording.hide(values)


def _shape(value: Any) -> Any:
    """Return a value of the same type that tells nothing."""
    match value:
        case dict():
            # A key that is a value is told as some key.
            odd = (f"key{n}" for n in itertools.count(1))
            return {
                next(odd) if _is_value(name) else name: _shape(one) for name, one in value.items()
            }
        case list():
            return [_shape(one) for one in value[:1]]
        case bool():
            return False
        case int():
            return 0
        case float():
            return 0.5
        case str():
            return ""
    return None


def _note_head(file: S3Object, form: str, text: str) -> None:
    """Note how a text file begins, without a row of it, for a support bundle."""
    content = f"{text}\n".encode()
    if file.uri.endswith(".gz"):
        content = gzip.compress(content, mtime=0)
    elif file.uri.endswith(".bz2"):
        content = bz2.compress(content)
    note_excerpt(file.uri, form, content, size=file.size, etag=file.etag)


def _wider(one: str | None, other: str | None) -> str | None:
    """Return the type of values of both types; None is that of NULLs and of empty lists."""
    if one is None or other is None or one == other:
        return one or other
    return "double" if {one, other} == {"bigint", "double"} else "string"


def _json_type(value: Any) -> str | None:
    match value:
        case None:
            return None
        case bool():
            return "boolean"
        case int():
            return "bigint"
        case float():
            return "double"
        case list():
            of = _json_type(value[0]) if value else None
            return f"array<{of}>" if of else None
        case dict() if value:
            types = {n: _json_type(v) or "string" for n, v in value.items()}
            fields = ",".join(f"{quoted(n)}:{t}" for n, t in types.items())
            return f"struct<{fields}>"
        case _:
            return "string"


def _header(session: AwsSession, file: S3Object, options: Mapping[str, str]) -> tuple[Column, ...]:
    if options.get("header", "true").lower() != "true":
        raise ConfigError(
            f"{file.uri}: without a header row, the columns of CSV files must be declared",
            hint=EXAMPLE,
        )
    dialect: dict[str, Any] = {
        "delimiter": options.get("sep", options.get("delimiter", ",")),
        "quotechar": options.get("quote", '"') or None,
    }
    if dialect["quotechar"] is None:
        dialect["quoting"] = csv.QUOTE_NONE
    try:
        text = _first_lines(session, file, encodings.of_header(options))
        names = next(csv.reader(io.StringIO(text), **dialect), [])
    except (csv.Error, TypeError, UnicodeDecodeError) as error:
        raise SourceError(
            f"{file.uri}: its header row can't be read: {error}",
            code="wrong-format",
            hint=f"declare the columns, e.g. {EXAMPLE}",
        ) from error
    if not any(n.strip() for n in names):
        raise SourceError(
            f"{file.uri} begins with an empty line, not with a header row",
            code="wrong-format",
            hint=f'options={{"header": "false"}} and {EXAMPLE}',
        )
    if any(_is_value(n) for n in names):
        # It is no header but a row, whatever the source says: a support bundle tells none.
        _hide(n.strip() for n in names if len(n.strip()) > 4 or n.strip().isalpha())
    else:
        line = io.StringIO()
        with suppress(csv.Error, TypeError):  # it was read so, and need not be written so
            csv.writer(line, lineterminator="", **dialect).writerow(names)
            _note_head(file, "header", line.getvalue())
    return tuple(Column(n.strip(), STRING) for n in names)


def _first_lines(session: AwsSession, file: S3Object, encoding: str = "utf-8-sig") -> str:
    """Return the beginning of a text file, uncompressed; its last line may be cut."""
    head = _read_range(session, file, 0, min(file.size, _BLOCK))
    try:
        if file.uri.endswith(".gz"):
            head = zlib.decompressobj(wbits=31).decompress(head)
        elif file.uri.endswith(".bz2"):
            head = bz2.BZ2Decompressor().decompress(head)
        elif file.uri.endswith(_COMPRESSED):
            raise UnsupportedError(
                f"{file.uri}: the columns of files compressed like this must be declared",
                hint=EXAMPLE,
            )
    except (zlib.error, OSError) as error:
        raise SourceError(
            f"{file.uri} is not compressed as its name says: {error}", code="wrong-format"
        ) from error
    # What is cut at the block's end may be cut within a character.
    return codecs.getincrementaldecoder(encoding)().decode(head, final=file.size <= _BLOCK)


class _Remote(io.RawIOBase):
    """An object as a file that can be sought in, for readers that begin at the end."""

    def __init__(self, session: AwsSession, file: S3Object) -> None:
        self._session = session
        self._file = file
        self._at = 0
        self._tail = _read_range(session, file, max(0, file.size - _BLOCK), min(file.size, _BLOCK))
        recording = Recording.current()
        if recording is not None:
            recording.footer(file.uri, self._tail, file.size, file.etag)

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._at

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        base = {io.SEEK_SET: 0, io.SEEK_CUR: self._at, io.SEEK_END: self._file.size}[whence]
        self._at = base + offset
        return self._at

    def read(self, size: int | None = -1) -> bytes:
        left = max(0, self._file.size - self._at)
        length = left if size is None or size < 0 else min(size, left)
        start = self._file.size - len(self._tail)
        if length == 0:
            return b""
        if self._at >= start:
            content = self._tail[self._at - start :][:length]
        else:
            content = _read_range(self._session, self._file, self._at, length)
        self._at += len(content)
        return content


def _read_range(session: AwsSession, file: S3Object, start: int, length: int) -> bytes:
    bucket, key = parse_uri(file.uri)
    with translating(
        doing=f"read {file.uri}", resource=f"arn:aws:s3:::{bucket}/{key}", session=session
    ):
        answer = session.client("s3").get_object(
            Bucket=bucket, Key=key, Range=f"bytes={start}-{start + length - 1}", IfMatch=file.etag
        )
        body: bytes = answer["Body"].read()
        return body
