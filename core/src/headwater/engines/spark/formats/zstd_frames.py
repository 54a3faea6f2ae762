"""Zstandard files of several frames: whether the last one is whole, which Spark does not ask.

Spark's decompressor (zstd-jni 1.5.7) notices a cut file where it has to read on within a frame. The
beginning of a further frame, read together with the end of the one before, it takes for the end.
Frames say how long their blocks are, so a walk over the file tells without undoing it.

Source: RFC 8878, section 3.1.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

from headwater.engines.spark import streams

if TYPE_CHECKING:
    import pyarrow as pa
    from pyspark.sql import SparkSession


def is_zstd(path: str) -> bool:
    """Return whether a file is opened as Zstandard, by its name."""
    return path.lower().endswith(".zst")


def cut(session: SparkSession, paths: Sequence[str], options: Mapping[str, str]) -> list[str]:
    """Return the files that end within a frame, as Spark spells them.

    Executors read each file once more, one at a time, and undo none.

    Args:
        session: The session.
        paths: The files, as Spark opens them.
        options: How it opens them.
    """

    def walked(batches: Iterable[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        # Runs on executors, which need pyarrow and nothing of headwater's.
        import pyarrow as pa

        def ends_within(data: memoryview) -> bool:
            at, size = 0, len(data)
            while at < size:
                if size - at < 8:
                    return True
                magic = int.from_bytes(data[at : at + 4], "little")
                if magic >> 4 == 0x184D2A5:  # a frame to be passed over
                    at += 8 + int.from_bytes(data[at + 4 : at + 8], "little")
                    continue
                if magic != 0xFD2FB528:
                    return False  # no frame: the decompressor says so
                flags = data[at + 4]
                single, checked = flags >> 5 & 1, flags >> 2 & 1
                content = (single, 2, 4, 8)[flags >> 6]
                at += 5 + (1 - single) + (0, 1, 2, 4)[flags & 3] + content
                last = 0
                while not last:
                    if at + 3 > size:
                        return True
                    head = int.from_bytes(data[at : at + 3], "little")
                    last, kind = head & 1, head >> 1 & 3
                    at += 3 + (1 if kind == 1 else head >> 3)
                at += 4 * checked
            return at > size

        for batch in batches:
            names, contents = batch.columns
            odd = [
                str(name)
                for name, content in zip(names, contents, strict=True)
                if ends_within(memoryview(content.as_buffer()))
            ]
            yield pa.record_batch([pa.array(odd, pa.string())], names=["path"])

    read = session.read.format("binaryFile").options(**options).load(list(paths))
    # One file in a batch: they are held in memory whole.
    bad = read.select("path", "content").mapInArrow(walked, "path string")
    return [row["path"] for row in streams.rows(bad)]
