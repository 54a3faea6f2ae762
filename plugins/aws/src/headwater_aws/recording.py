"""What AWS was asked and answered, noted for a support bundle, where all calls pass.

Every attempt is noted, with its question and its answer as plain data. Keys, tokens and codes are
not among it: of STS only what is named here is taken. Contents of objects are not noted as they
pass; what reads one that holds no rows says so (`note_excerpt`).

Not seen here: what DuckDB, deltalake and Spark ask of S3 themselves, what AWS's own chain of
credentials asks, and where tokens come from.
"""

from __future__ import annotations

import re
import time
from collections.abc import Mapping
from contextlib import suppress
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import unquote_plus

from headwater.errors import HeadwaterError
from headwater.interfaces.recording import Call, Excerpt, Recording, Vocabulary
from headwater_aws import redaction

if TYPE_CHECKING:
    from headwater_aws.session import AwsSession

_ASKED: Final = "headwater_asked"
_SENT: Final = "headwater_sent"
_NAME: Final = "headwater-aws"
_STS_ASKED: Final = frozenset(
    {"RoleArn", "RoleSessionName", "DurationSeconds", "Policy", "PolicyArns"}
)
_STS_ANSWERED: Final = frozenset(
    {"Account", "Arn", "UserId", "AssumedRoleUser", "Provider", "Audience", "PackedPolicySize"}
)
_LARGEST: Final = 4 * 2**20
"""Bytes of a file of a lake's log that is read only to be noted."""
_LEFT_OUT: Final = frozenset({"ResponseMetadata", "Body", "Owner"})
_OBJECT: Final = frozenset(
    {"ContentLength", "ContentRange", "ContentEncoding", "ContentType", "AcceptRanges", "ETag",
     "LastModified", "StorageClass", "ArchiveStatus", "Restore", "ServerSideEncryption",
     "SSEKMSKeyId", "DeleteMarker", "VersionId", "PartsCount", "MissingMeta"}
)  # fmt: skip
"""What is told of an object that was asked for: what its writer put beside it may be anything."""
_ERROR: Final = frozenset({"Code", "Message", "Type", "BucketRegion", "Region", "StorageClass"})
"""What is told of an error: S3 repeats the signed request in others, in hexadecimal digits, too."""
_OF_ROWS: Final = frozenset({"SkewedInfo", "Metadata"})
"""Fields that hold values of rows: the most frequent ones of a column."""
_STATISTICS: Final = re.compile(r"(?i)(\.|^)(colstats|column_stats|columnstatistics)(\.|_|$)")
"""Parameters in which engines put the least and greatest values of columns."""

VOCABULARY: Final = Vocabulary(
    words=frozenset({"aws", "arn", "sts", "glue", "iam", "s3", "s3a", "s3n", "static"}),
    kinds={
        "DatabaseName": "database",
        "TableName": "table",
        "Bucket": "bucket",
        "RoleSessionName": "name",
        "session_name": "name",
        "catalog_id": "name",
    },
    entries={
        "Columns": "column",
        "PartitionKeys": "column",
        "Table": "table",
        "TableList": "table",
        "Database": "database",
        "DatabaseList": "database",
        "asked": "database",
    },
    parents={"DatabaseName": "table"},
    addresses=frozenset({"Key", "Prefix", "StartAfter", "Location", "LocationUri"}),
    values=frozenset({"Values", "PartitionValues"}),
    queries=frozenset({"Expression", "ViewOriginalText"}),
    bags=frozenset({"Parameters"}),
    bag_keys=re.compile(
        r"(?i)(?:projection\.[\w.\-]+|storage\.location\.template|skip\.(?:header|footer)\.line\.count|"
        r"table_type|(?:previous_)?metadata_location|classification|external|presto_view|view\.[\w.\-]+|"
        r"spark\.sql\.(?:sources|create|partitionprovider)[\w.\-]*|serialization\.[\w.]+|"
        r"(?:field|colelction|collection|mapkey|line|escape)\.delim|(?:separator|quote|escape)char|"
        r"avro\.schema\.\w+|timestamp\.formats|ignore\.malformed\.json|case\.insensitive|dots\.in\.keys|"
        r"mapping\.[\w.\-]+|(?:parquet|orc|delta|write|read)\.[\w.\-]+|transactional(?:_properties)?|"
        r"path|compression(?:type)?|provider|storage_handler|typeofdata|delimiter|areColumnsQuoted|"
        r"has_encrypted_data|num(?:rows|files)|(?:total|rawdata|average ?record)size|objectcount|"
        r"recordcount|sizekey|bucketing_version|transient_lastddltime|last_modified_time|use\.null\S*|"
        r"sep|header|quote|escape|encoding|nullvalue|emptyvalue|nanvalue|multiline|linesep|mode|inferschema|"
        r"dateformat|timestampformat|timestampntzformat|charset|columnsordered|comment)"
    ),
    prose=frozenset({"Description", "Comment", "Owner", "CreatedBy", "ViewExpandedText"}),
    plain=frozenset(
        {"InputFormat", "OutputFormat", "SerializationLibrary", "TableType", "ETag", "Code",
         "LastModified", "StorageClass", "BucketRegion", "ContentRange", "ContentType",
         "ContentEncoding", "AcceptRanges"}
    ),
    pages=frozenset({"NextToken", "ContinuationToken", "NextContinuationToken"}),
    accounts=re.compile(r"(?<![\w.-])\d{12}(?![\w.-])"),
    ids=re.compile(r"\bA[A-Z]{3}[A-Z0-9]{12,}\b"),
    principals=re.compile(
        r"\barn:aws[\w-]*:(?:s3:::|[\w-]+:[\w-]*:\d*:(?:[\w-]+[/:])?)(?P<names>[\w+=,.@/:-]+)"
    ),
    secrets=(
        re.compile(r"\b(?:AKIA|ASIA)[A-Z0-9]{12,}\b"),
        re.compile(r"\bFwoGZXIvYXdz[\w+/=%-]+|\bIQoJb3JpZ2lu[\w+/=%-]+"),
    ),
    strike=redaction.struck,
    published=frozenset(
        f"headwater-{name}" for name in ("aws", "s3", "glue", "openlineage", "monitor")
    ),
    replay=(
        "from headwater import Workspace",
        "from headwater_aws.testing import Emulator",
        "",
        'with Emulator.from_bundle("bundle.zip") as aws:',
        "    workspace = Workspace.open(aws.configuration())",
        "    for connection in workspace.connections.values():",
        "        print(connection.check().render())",
    ),
)  # fmt: skip
"""How Glue, S3 and STS are told: fields of their answers, and how AWS spells what it names."""


def watch(client: Any, recording: Recording) -> None:
    """Have a client note its calls.

    Args:
        client: A botocore client.
        recording: Where they are noted.
    """
    recording.speaks(_NAME, VOCABULARY)
    service = client.meta.service_model.service_id.hyphenize()
    region = client.meta.region_name
    events = client.meta.events

    def note_parameters(params: Any, context: dict[str, Any], **_: Any) -> None:
        context[_ASKED] = _plain(params) if isinstance(params, Mapping) else {}

    def note_sending(request: Any, **_: Any) -> None:
        request.context[_SENT] = (datetime.now(UTC), time.perf_counter())

    def note_answer(
        response: Any,
        caught_exception: Exception | None,
        operation: Any,
        request_dict: dict[str, Any],
        **_: Any,
    ) -> None:
        context = request_dict["context"]
        began, ticks = context.get(_SENT) or (datetime.now(UTC), time.perf_counter())
        question = dict(context.get(_ASKED, {}))
        if service == "sts":
            question = {k: v for k, v in question.items() if k in _STS_ASKED}
        status, answer, error = _answer(service, response, caught_exception)
        recording.call(
            Call(
                service,
                operation.name,
                region,
                question,
                status,
                answer,
                error,
                began,
                time.perf_counter() - ticks,
            )
        )

    # Last to see the parameters, first to see an answer: before what ends or retries a call.
    events.register_last(f"before-parameter-build.{service}", note_parameters)
    events.register_first(f"request-created.{service}", note_sending)
    events.register_first(f"needs-retry.{service}", note_answer)


def note_excerpt(
    path: str, form: str, content: bytes, *, size: int | None = None, etag: str | None = None
) -> None:
    """Note a part of an object that holds no rows, where something is recorded; see `Excerpt`."""
    recording = Recording.current()
    if recording is not None:
        recording.excerpt(Excerpt(path, form, content, size, etag))


def note_objects_below(session: AwsSession, place: str) -> None:
    """Note what a lake's log holds, where another library than ours reads it.

    Args:
        session: Who reads.
        place: URI of the log's directory.
    """
    from headwater_aws.listing import first_page, parse_uri
    from headwater_aws.objects import read_object

    if Recording.current() is None:
        return
    bucket, prefix = parse_uri(place)
    with suppress(HeadwaterError):  # what is refused here, who reads the log tells
        files, _ = first_page(session, bucket, prefix)
        for file in files:
            if _form(file.uri) is not None and file.size <= _LARGEST:
                read_object(session, file.uri, "record it")


def note_object(path: str, content: bytes) -> None:
    """Note an object that describes a table, where something is recorded and its kind is known."""
    form = _form(path)
    if form is not None:
        note_excerpt(path, form, content)


def _form(path: str) -> str | None:
    name = path.rpartition("/")[2]
    if "_symlink_format_manifest" in path:
        return "text"
    if "/_delta_log/" in path:
        if name.endswith(".parquet"):
            return "checkpoint"
        if name.endswith(".json"):
            return "lines"
        return "json" if name == "_last_checkpoint" else None
    return "json" if name.endswith((".json", ".json.gz", ".avsc")) else None


def _answer(
    service: str, response: Any, caught: Exception | None
) -> tuple[int, Any, Mapping[str, Any] | None]:
    if response is None:
        return 0, None, {"Exception": type(caught).__name__}
    http, parsed = response
    if http.status_code >= 300:
        details = _plain(parsed.get("Error", {}))
        error = {k: v for k, v in details.items() if k in _ERROR}
        region = http.headers.get("x-amz-bucket-region")
        if region:
            error["BucketRegion"] = region
        return http.status_code, None, error
    content = {k: v for k, v in parsed.items() if k not in _LEFT_OUT}
    if content.pop("EncodingType", None) == "url":
        content = _decoded(content)
    if service == "sts":
        content = {k: v for k, v in content.items() if k in _STS_ANSWERED}
    elif service == "s3" and "ETag" in content:
        content = {k: v for k, v in content.items() if k in _OBJECT}
    return http.status_code, _plain(content), None


def _decoded(listing: Mapping[str, Any]) -> dict[str, Any]:
    """Return a listing as botocore gives it on: it asks for keys as they stand in addresses."""

    def items(name: str, key: str) -> list[dict[str, Any]]:
        return [{**item, key: unquote_plus(item.get(key, ""))} for item in listing.get(name) or ()]

    decoded = {
        k: unquote_plus(v) if k in ("Prefix", "Delimiter", "StartAfter") else v
        for k, v in listing.items()
    }
    for name, key in (("Contents", "Key"), ("CommonPrefixes", "Prefix")):
        if name in listing:
            decoded[name] = items(name, key)
    return decoded


def _plain(value: Any) -> Any:
    match value:
        case Mapping():
            return {
                str(k): _plain(v)
                for k, v in value.items()
                if k not in _OF_ROWS and not _STATISTICS.search(str(k))
            }
        case list() | tuple():
            return [_plain(v) for v in value]
        case datetime():
            return value.astimezone(UTC).isoformat()
        case None | bool() | int() | float() | str():
            return value
    return None  # a stream, or bytes
