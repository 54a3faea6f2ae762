r"""Records of CSV whose quoted values may hold ends of lines: Spark's `multiLine`.

A record goes on to the first end of a line outside of quotes; empty ones are none. Spark takes the
first end of a line in a file, wherever it stands, for all that the file has: the same within quotes
is given as a newline, any other as it is written. Outside of quotes other ends are text to it, or
not, as its buffers fall; here they raise, as does what is of no field (`text_shapes.spark_field`).

Source: univocity-parsers, LineSeparatorDetector, AbstractCharInputReader; Apache Spark, CSVOptions.
"""

from __future__ import annotations

import codecs
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property, partial
from itertools import chain
from typing import TYPE_CHECKING, Final

from headwater.engines import text_shapes as shapes
from headwater.engines.embedded.errors import line_too_long, mixed_line_ends
from headwater.engines.embedded.file_opening import Contents
from headwater.engines.embedded.formats.compressed_text import Compressed, decompressed, stream
from headwater.engines.misfits import misfit
from headwater.engines.text_files import not_text
from headwater.errors import EngineError
from headwater.sql.portable.raising import NOT_PORTABLE
from headwater.tables import encodings
from headwater.tables.relation import FileRelation
from headwater.untrusted import limits

if TYPE_CHECKING:
    import pyarrow as pa

    from headwater.engines.embedded.row_streams import RowStream

ODD: Final = "a line whose quotes CSV parsers read each in their own way"
MARK: Final = "\ufeff"
_DETECTED: Final = 2**19
"""Characters within which Spark surely sees a file's first end of a line."""
_ROWS: Final = 2**16


@dataclass(frozen=True)
class Grammar:
    """What parts and quotes the fields of a record, each one character.

    Args:
        separator: What parts fields.
        quote: What fields may be put into.
        escape: What makes a quote one of the text.
    """

    separator: str
    quote: str
    escape: str

    @cached_property
    def record(self) -> re.Pattern[str]:
        """What a record begins with: all of it, where an end of a line or of the text follows."""
        field = shapes.spark_field(self.separator, self.quote, self.escape, "+", "\r\n")
        return re.compile(f"(?s){field}(?:{re.escape(self.separator)}{field})*+")


def records(
    contents: Contents,
    relation: FileRelation,
    files: Sequence[Compressed],
    grammar: Grammar,
    *,
    skip: bool,
) -> RowStream:
    """Return the records of files, as rows of `line` and `file_index`.

    Args:
        contents: Opens them.
        relation: Whose files they are.
        files: The files.
        grammar: What their records are made of.
        skip: Whether the first record of each is left out.
    """
    return stream(contents, relation, files, skip=skip, lines=partial(_arrays, grammar))


def _arrays(
    grammar: Grammar, contents: Contents, relation: FileRelation, one: Compressed
) -> Iterator[pa.StringArray]:
    import pyarrow as pa

    found: list[str] = []
    for some in _Cutter(grammar, relation, one).cut(_texts(contents, relation, one)):
        found += some
        if len(found) >= _ROWS:
            yield pa.array(found, pa.string())
            found = []
    if found:
        yield pa.array(found, pa.string())


def _texts(contents: Contents, relation: FileRelation, one: Compressed) -> Iterator[str]:
    """Yield a file's text, some at a time, without the mark before it.

    Raises:
        EngineError: If it is cut or damaged, or is no text.
    """
    where = f"{one.file.path} of table {relation.name}"
    chunks = decompressed(contents, relation, one)
    heads: list[bytes] = []
    for chunk in chunks:
        heads.append(chunk)
        if sum(map(len, heads)) >= _HEAD:
            break
    head = b"".join(heads)
    name = encodings.byte_order(one.encoding or "utf-8", head)
    decoder = codecs.getincrementaldecoder(name)()
    mark = "" if encodings.wide_codec(name) is None else MARK
    begin = 0
    for data in chain([head] if heads else [], chunks, [None]):
        waiting = len(decoder.getstate()[0])
        try:
            text = decoder.decode(data or b"", data is None)
        except UnicodeDecodeError as error:
            place = f"byte {begin - waiting + error.start} of the text within"
            raise not_text("embedded", where, place, one.encoding) from error
        begin += len(data or b"")
        yield text.removeprefix(mark)
        mark = ""


_HEAD: Final = 4
"""Bytes that may tell in which order bytes stand."""


class _Cutter:
    """Cuts the text of one file into records.

    Args:
        grammar: What they are made of.
        relation: Whose file it is.
        one: The file.
    """

    def __init__(self, grammar: Grammar, relation: FileRelation, one: Compressed) -> None:
        self._grammar = grammar
        self._relation = relation
        self._file = one.file.path
        self._end = "\n"
        self._text = ""
        self._at = 0

    def cut(self, texts: Iterator[str]) -> Iterator[list[str]]:
        """Yield the records that are not empty, some at a time."""
        known, chunks, last = False, 0, ""
        for text in texts:
            chunks += 1
            last = (last + text)[-2:]
            self._text = self._text[self._at :] + text
            self._at = 0
            if not known:
                known = self._detect()
            if known:
                yield self._ready(whole=False)
            if len(self._text) - self._at > limits.LINE_BYTES:
                raise line_too_long(self._where)
        known = known or self._detect(whole=True)
        # The last text is what the decoder still held: it comes of a file without bytes, too.
        if chunks > 1 and not known and not self._text:
            raise self._odd("a file of nothing but a byte order mark", "mark")
        if self._end == "\r" and last == "\r\r":
            raise self._odd("a carriage return that may or may not be a record", "cr")
        yield self._ready(whole=True)

    def _detect(self, *, whole: bool = False) -> bool:
        """Find which end of a line comes first; return whether it is found."""
        first = _ENDS.search(self._text, self._at)
        if first is None or (first.end() == len(self._text) and first[0] == "\r" and not whole):
            return False
        self._end = first[0]
        if self._end == "\r" and first.end() == len(self._text):
            raise self._odd("a carriage return that may or may not end a line", "cr")
        if first.start() > _DETECTED and self._end != "\n":
            raise self._odd(
                "a first line so long that Spark may not see how lines end", "long-line"
            )
        return True

    def _ready(self, *, whole: bool) -> list[str]:
        """Return the records that stand in the text at hand, with no more than the last left over.

        Args:
            whole: Whether no more text follows.
        """
        text, end, quote = self._text, self._end, self._grammar.quote
        match = self._grammar.record.match
        found: list[str] = []
        while self._at < len(text):
            quoted = text.find(quote, self._at)
            plain = text.rfind(end, self._at, len(text) if quoted < 0 else quoted)
            if plain >= 0:
                found += self._plain(text[self._at : plain])
                self._at = plain + len(end)
                continue
            record = match(text, self._at)
            assert record is not None  # the empty text is a record
            stop = record.end()
            if text.startswith(end, stop) or (stop == len(text) and whole):
                if stop > self._at:
                    found.append(text[self._at : stop].replace(end, "\n"))
                self._at = stop + len(end)
            elif self._is_cut(stop) and not whole:
                break
            elif text[stop] in "\r\n":
                raise mixed_line_ends(self._where, _ONE_END)
            else:
                raise self._odd(ODD, "quotes")
        return found

    def _plain(self, text: str) -> list[str]:
        """Return the records of a text without quotes, which ends where a record does."""
        lines = text.split(self._end)
        if text.count("\r") + text.count("\n") != len(self._end) * (len(lines) - 1):
            raise mixed_line_ends(self._where, _ONE_END)
        return [line for line in lines if line]

    def _is_cut(self, stop: int) -> bool:
        """Return whether a record that stops somewhere may go on in text that is not at hand."""
        if stop == len(self._text):
            return True
        if self._text[stop] == self._grammar.quote:
            # One that begins a field, and that no other one closes.
            return stop == self._at or self._text[stop - 1] == self._grammar.separator
        return self._end == "\r\n" and self._text[stop:] == "\r"

    @property
    def _where(self) -> str:
        return f"{self._file} of table {self._relation.name}"

    def _odd(self, what: str, kind: str) -> EngineError:
        value = self._text[self._at : self._at + _SHOWN]
        table = str(self._relation.name)
        return misfit("embedded", NOT_PORTABLE, what, table, "", kind, self._file, value)


_ENDS: Final = re.compile("\r\n|\r|\n")
_ONE_END: Final = "give all its lines one kind of end, that of the first one"
_SHOWN: Final = 200
