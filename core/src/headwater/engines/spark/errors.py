"""What goes wrong inside Spark, told as what went wrong for the reader.

An error of Spark's own carries a condition, e.g. `DIVIDE_BY_ZERO`; one that ended a task reaches
us inside the text of the job's failure. Both are recognised by `[CONDITION] message`.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Final
from urllib.parse import unquote

from headwater import errors
from headwater.engines import nanoseconds
from headwater.engines.file_formats import told_format, wrong_format
from headwater.engines.misfits import PART, misfit
from headwater.engines.runtime_errors import hint_of
from headwater.engines.storage_errors import refused
from headwater.engines.text_files import damaged
from headwater.errors import (
    AccessDeniedError,
    DataChangedError,
    EngineError,
    HeadwaterError,
    UnsupportedError,
)
from headwater.interfaces.plan import Scan
from headwater.lakes.missing_files import file_missing
from headwater.tables.relation import DeltaRelation, FileRelation, IcebergRelation

_CONDITION: Final = re.compile(r"\[([A-Z][A-Z0-9_]+(?:\.[A-Z0-9_]+)*)\] (.*)")
_MISFIT: Final = re.compile(
    rf"headwater: ([^{PART}]*){PART}([^{PART}]*){PART}([^{PART}]*){PART}([^{PART}]*){PART}"
    rf"([^{PART}]*){PART}(.*?){PART}",
    re.DOTALL,
)
_DENIED: Final = re.compile(r"AccessDenied|Access Denied|InvalidAccessKeyId")
_STATUS: Final = re.compile(r"Status Code: ([345]\d\d)\b")
_OTHER_STATUS: Final = ("304", "404", "412", "416")
"""Answers that S3A itself tells: an object that is gone, or changed."""
_S3_SAID: Final = re.compile(r"S3Exception: (.*?\(Service: [^)]*\)(?::\w+)?)")
_DAMAGED: Final = re.compile(
    r"(?:EOFException: |IOException: |ZstdIOException: )("
    r"Unexpected end of input stream|unexpected end of (?:stream|file)|Truncated source"
    r"|gzip stream CRC failure|stored gzip size [^\n]*|not a gzip file|Unknown frame descriptor"
    r"|Corrupted block[^\n]*|[Dd]ata corruption[^\n]*|Restored data doesn't match checksum"
    r"|Stream is not BZip2 formatted[^\n]*|bad block header|crc error|BZip2 CRC error"
    r"|incorrect (?:header|data) check|unknown compression method"
    r"|invalid (?:block|stored|distance|code|literal|bit)[^\n]*)"
)
"""What Hadoop's codecs and those that Spark brings say of data that they can't undo."""
_NANOSECONDS: Final = re.compile(
    r"PARQUET_TYPE_ILLEGAL[^\n]*TIMESTAMP\(NANOS"
    r"|Expected Spark type timestamp(?:_ntz)?, actual Parquet type INT64"
)
"""What Spark says of timestamps in nanoseconds, and of plain numbers where times should be."""
_OTHER_TYPE: Final = re.compile(
    r"Parquet column \[([^\]]*)\]\. Expected Spark type (.+?), actual Parquet type (\w+)"
)
_EXPIRED: Final = re.compile(r"ExpiredToken|token .{0,40}expired", re.IGNORECASE)
_CARRIED: Final = "headwater error: "
_SCHEME: Final = re.compile(r"\bhw[0-9a-f]{12}://")
"""Schemes under which we open S3 (`storage`)."""
_GONE: Final = ("PATH_NOT_FOUND", "FAILED_READ_FILE.FILE_NOT_EXIST", "READ_FILES_NOT_FOUND")
_LAKE_GONE: Final = re.compile(
    r"NotFoundException|NoSuchKey|FileNotFoundException|FILE_NOT_EXIST|PATH_NOT_FOUND"
    r"|READ_FILES_NOT_FOUND|DELTA_FILE_NOT_FOUND"
)
"""How Iceberg, Delta and S3A say that a file is not there."""
_LAKE_FILE: Final = re.compile(r"\b(?:s3[an]?|file|hdfs|gs|abfss?):/+[^\s'\"`,;\]]*[^\s'\"`,;:.\]]")
REFUSED: Final = "headwater.refused.Scheme"
"""Stands as the class of schemes that a table's files can't be of: there is no such class."""
_CHANGED: Final = re.compile(r"RemoteFileChangedException|Length of file")
_MISSING: Final = {
    "org.apache.hadoop.fs.s3a.S3AFileSystem not found": (
        'it has no jars for S3: SparkEngine(packages=["s3"]), or hadoop-aws on the cluster'
    ),
    'No FileSystem for scheme "s3"': (
        "map s3:// to S3A on the cluster: spark.hadoop.fs.s3.impl="
        "org.apache.hadoop.fs.s3a.S3AFileSystem"
    ),
    "Failed to find the data source: iceberg": (
        'it has no jars for Iceberg: SparkEngine(packages=["iceberg"]), or on the cluster'
    ),
    "Failed to find the data source: delta": (
        'it has no jars for Delta: SparkEngine(packages=["delta"]), or on the cluster'
    ),
    "DELTA_CONFIGURE_SPARK_SESSION": (
        "it has Delta's jars, but not its settings: start it with spark.sql.extensions="
        "io.delta.sql.DeltaSparkSessionExtension and spark.sql.catalog.spark_catalog="
        "org.apache.spark.sql.delta.catalog.DeltaCatalog"
    ),
    "Avro is built-in but external": 'it has no jars for Avro: SparkEngine(packages=["avro"])',
}
"""What Spark says of a class that it lacks, and what to do."""
_VALUES: Final = (
    "ARITHMETIC_OVERFLOW",
    "BINARY_ARITHMETIC_OVERFLOW",
    "CANNOT_PARSE_",
    "CAST_",
    "COLLECTION_SIZE_LIMIT_EXCEEDED",
    "CONVERSION_INVALID_INPUT",
    "DATETIME_",
    "DIVIDE_BY_ZERO",
    "DUPLICATED_MAP_KEY",
    "ELEMENT_AT_BY_INDEX_ZERO",
    "INTERVAL_",
    "INVALID_ARRAY_INDEX",
    "INVALID_FRACTION_OF_SECOND",
    "INVALID_INDEX_OF_ZERO",
    "INVALID_PARAMETER_VALUE",
    "MALFORMED_",
    "MAP_KEY_DOES_NOT_EXIST",
    "NULL_MAP_KEY",
    "NUMERIC_VALUE_OUT_OF_RANGE",
    "RECURSION_",
    "REMAINDER_BY_ZERO",
    "SCALAR_SUBQUERY_TOO_MANY_ROWS",
    "USER_RAISED_EXCEPTION",
)


@contextmanager
def translated(
    scans: Sequence[Scan], error_of: Callable[[str], HeadwaterError] | None = None
) -> Iterator[None]:
    """Turn Spark's exceptions of the block into headwater's.

    Args:
        scans: The tables that are read, to name the one that a file belongs to.
        error_of: Makes the error of an exception's text, where more than reading may have failed.
    """
    from py4j.protocol import Py4JError
    from pyspark.errors import PySparkException

    try:
        yield
    except HeadwaterError:
        raise
    except (PySparkException, Py4JError) as error:
        raise error_of(str(error)) if error_of else failure(str(error), scans) from error


@contextmanager
def carried() -> Iterator[None]:
    """Write our own error of the block, in a task of Spark's, so that `failure` can tell it again.

    Between the two lies the text of an exception: the only thing that leaves a task.
    """
    try:
        yield
    except HeadwaterError as error:
        fields = {"class": type(error).__name__, **error.to_dict()}
        raise RuntimeError(f"{_CARRIED}{json.dumps(fields)}") from error


def _carried_error(text: str) -> HeadwaterError | None:
    """Return the error that `carried` wrote into a text, if it did."""
    _, mark, rest = text.partition(_CARRIED)
    if not mark:
        return None
    try:
        fields = json.JSONDecoder().raw_decode(rest)[0]
        kind = getattr(errors, fields["class"])
        error: object = kind(
            fields["message"],
            code=fields["code"],
            hint=fields["hint"],
            retryable=fields["retryable"],
        )
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError):
        return None  # somebody else's text with these words in it
    return error if isinstance(error, HeadwaterError) else None


def failure(text: str, scans: Sequence[Scan]) -> HeadwaterError:
    """Return the error that a text of Spark's stands for."""
    if own := _carried_error(text):
        return own
    text = _SCHEME.sub("s3://", text)
    conditions = _CONDITION.findall(text)
    where, path = _place(text, scans)
    if odd := _MISFIT.search(text):
        what, table, column, kind, file, value = odd.groups()
        planned = path if path is not None else file
        return misfit("spark", "not-portable-value", what, table, column, kind, planned, value)
    if _EXPIRED.search(text):
        return AccessDeniedError(
            f"spark engine: the credentials for {where} expired while it was read",
            hint="read a smaller window, or let the role's sessions last longer",
        )
    status = _STATUS.search(text)
    if _DENIED.search(text) or (status is not None and status[1] not in _OTHER_STATUS):
        reason = _s3_reason(text) or _reason(text, conditions)
        doing = f"spark engine: reading {where}"
        return refused(status[1] if status else "403", doing, reason, path)
    if why := _DAMAGED.search(text):
        return damaged("spark", where, why[1])
    conflict = _type_conflict(where, text)
    if _NANOSECONDS.search(text):
        error = conflict or EngineError(
            f"spark engine: reading {where} failed: {_reason(text, conditions)}"
        )
        return nanoseconds.UnreadError(error.message, code=error.code, hint=error.hint)
    if conflict is not None:
        return conflict
    if REFUSED in text:
        return UnsupportedError(
            f"spark engine: {where} names a file that does not lie in the storage that it is read "
            "from",
            code="foreign-place",
            hint="whoever writes the table must keep its files there",
        )
    if missing := _missing_of_a_lake(text, scans):
        return missing
    if "FileNotFoundException" in text or any(c.startswith(_GONE) for c, _ in conditions):
        return DataChangedError(
            f"{where} was there when the read was planned and is gone now",
            hint="plan the read again",
        )
    if session_hint := next((hint for sign, hint in _MISSING.items() if sign in text), None):
        return EngineError(
            f"spark engine: {where} can't be opened by this session", hint=session_hint
        )
    if (declared := told_format(text)) is not None:
        return wrong_format("spark", where, declared)
    if _CHANGED.search(text):
        return DataChangedError(
            f"{where} is not what the plan saw: {_reason(text, conditions)}",
            hint="plan the read again",
        )
    for condition, message in conditions:
        if condition.startswith(_VALUES):
            return EngineError(
                f"spark engine: [{condition}] {message.strip()}",
                code="spark-runtime-error",
                hint=hint_of(condition),
            )
    return EngineError(f"spark engine: reading {where} failed: {_reason(text, conditions)}")


def _type_conflict(where: str, text: str) -> EngineError | None:
    """Return the error of a Parquet column that Spark reads not as its table's, if it is one."""
    match = _OTHER_TYPE.search(text)
    if match is None:
        return None
    column, declared, file_type = match.groups()
    return EngineError(
        f"spark engine: {where}, column {column!r}: the file holds {file_type}, the table declares "
        f"{declared}",
        code="parquet-type-conflict",
        hint="correct the table's type, or rewrite the file",
    )


def _missing_of_a_lake(text: str, scans: Sequence[Scan]) -> HeadwaterError | None:
    """Return the error of a file that an Iceberg or Delta table of the read names, if it is one.

    A file that was listed for the plan is another matter: it was there.
    """
    lakes = [r for s in scans if isinstance(r := s.relation, IcebergRelation | DeltaRelation)]
    if not lakes or not _LAKE_GONE.search(text):
        return None
    planned = {
        file.path.partition("://")[2]
        for s in scans
        if isinstance(s.relation, FileRelation)
        for file in s.relation.files
    }
    for uri in _LAKE_FILE.findall(text):
        place = unquote(uri).partition("://")[2]
        if place not in planned:
            # A table's files lie below its directory, mostly; else any table of the read will do.
            near = [r for r in lakes if place.startswith(_root(r))]
            return file_missing((near or lakes)[0], uri)
    return None


def _root(relation: IcebergRelation | DeltaRelation) -> str:
    if isinstance(relation, DeltaRelation):
        return relation.location.partition("://")[2].rstrip("/")
    return relation.metadata_location.partition("://")[2].rpartition("/metadata/")[0]


def _reason(text: str, conditions: Sequence[tuple[str, str]]) -> str:
    """Return the innermost thing that Spark says, in one line."""
    if conditions:
        condition, message = conditions[-1]
        return f"[{condition}] {message.strip()}"
    causes = [x.strip() for x in text.splitlines() if x.strip().startswith(("Caused by:", ": "))]
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    return (causes or lines or ["no reason given"])[-1 if causes else 0].removeprefix("Caused by: ")


def _s3_reason(text: str) -> str | None:
    match = _S3_SAID.search(text)
    return match[1] if match else None


def _place(text: str, scans: Sequence[Scan]) -> tuple[str, str | None]:
    """Return the file and table that a text is about, and its path; or the read's tables."""
    # Spark writes some paths as they are, others percent-encoded.
    texts = (text, unquote(text))
    for scan in scans:
        if isinstance(scan.relation, FileRelation):
            for file in scan.relation.files:
                if any(file.path.rpartition("://")[2] in t for t in texts):
                    return f"{file.path} of table {scan.table}", file.path
    tables = ", ".join(dict.fromkeys(str(s.table) for s in scans))
    return f"table {tables}" if tables else "the query", None
