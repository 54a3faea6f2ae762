"""Replaying a support bundle: what AWS answered in an account, answered again.

A question that was asked then gets the answer that it got then, attempt by attempt; the last answer
holds from then on. What else is asked is answered from what the bundle's answers tell: its tables
and partitions, its listings, its files. Files have their size and footer, and no rows. What no
answer tells is refused as `NotRecorded`, which headwater tells as what it is: nothing is made up.

Whoever asks is taken for who asked then: signatures and tokens are not looked at.
"""

from __future__ import annotations

import json
import secrets
import sys
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final
from xml.sax.saxutils import escape

from headwater_aws.emulator.buckets import Bucket, StoredObject
from headwater_aws.emulator.errors import JSON, XML, AwsError
from headwater_aws.emulator.s3_calls import S3Call
from headwater_aws.emulator.s3_reading import get_object, iso, list_objects, xml
from headwater_aws.emulator.wire import ConnectionDroppedError, Request, Response

if TYPE_CHECKING:
    from headwater.bundle.bundle import Bundle, BundledFile
    from headwater.interfaces.recording import Exchange

CODE: Final = "NotRecorded"
"""The code of what a bundle can't tell; headwater knows it."""
MARK: Final = "x-headwater-replay"
"""A header of each of S3's answers: the objects behind it have no rows."""
_SMALL: Final = 128 * 2**10
_HEAD: Final = 64 * 2**10
_MAGIC: Final = 16
_LISTING: Final = (
    "Bucket", "Prefix", "Delimiter", "MaxKeys", "StartAfter", "ContinuationToken",
)  # fmt: skip
_QUERY: Final = {
    "prefix": "Prefix", "delimiter": "Delimiter", "max-keys": "MaxKeys",
    "start-after": "StartAfter", "continuation-token": "ContinuationToken",
}  # fmt: skip
_TABLE: Final = (
    "Name", "Description", "Retention", "StorageDescriptor", "PartitionKeys", "ViewOriginalText",
    "ViewExpandedText", "TableType", "Parameters", "TargetTable",
)  # fmt: skip
_PARTITION: Final = ("Values", "StorageDescriptor", "Parameters")
_BATCH: Final = 100


class Hollow(Sequence[int]):
    """The bytes of an object of which only parts were recorded; the others are refused.

    Args:
        size: Bytes of it.
        parts: Form and bytes of each part.
    """

    def __init__(self, size: int, parts: Sequence[tuple[str, bytes]]) -> None:
        by_form = dict(parts)
        self._size = size
        self._footer = by_form.get("footer", b"")
        if len(self._footer) + _MAGIC > size:
            self._footer = b""
        self._head = by_form.get("header", by_form.get("shape", by_form.get("magic", b"")))[:size]
        self._text = "header" in by_form or "shape" in by_form
        if self._footer:
            self._head = b"PAR1"

    @property
    def tells_columns(self) -> bool:
        """Whether a reader that needs no rows can open it."""
        return bool(self._footer)

    def __len__(self) -> int:
        return self._size

    def __getitem__(self, place: Any) -> Any:
        start, end, _ = place.indices(self._size)
        foot = self._size - len(self._footer)
        whole = start == 0 and end == self._size and self._size <= _SMALL
        head = start == 0 and end == min(_MAGIC, self._size)
        text = self._text and start == 0 and end <= _HEAD
        if not (whole or head or text or (self._footer and start >= foot)):
            tail = self._footer and end == self._size and self._size - start <= _HEAD
            if not tail:
                raise not_recorded("only its footer is, and no row")
        # No reader takes this for rows: it is no text, and no page of Parquet.
        fill = b"\n" if self._text and self._head[:2] != b"\x1f\x8b" else b"\x00"
        fill = fill if self._footer or self._text else b"\xff"
        content = bytearray(fill * (end - start))
        for at, part in ((0, self._head), (foot, self._footer)):
            low, high = max(start, at), min(end, at + len(part))
            if low < high:
                content[low - start : high - start] = part[low - at : high - at]
        return bytes(content)


class Replay:
    """Answers from a bundle. Thread-safe.

    Args:
        bundle: The bundle.
    """

    def __init__(self, bundle: Bundle) -> None:
        self.bundle = bundle
        self._lock = threading.Lock()
        self._answers: dict[str, list[Exchange]] = {}
        self._refused: dict[tuple[str, str], Exchange] = {}
        self._unlisted: list[tuple[str, str, Exchange]] = []
        self._buckets: dict[str, Bucket] = {}
        self._listed: dict[str, list[str]] = {}
        for call in bundle.calls:
            self._take(call)
        for file in bundle.files:
            with suppress(ValueError):
                self._store_file(file)

    @property
    def region(self) -> str:
        """The region of most calls."""
        regions = [c.region for c in self.bundle.calls if c.service == "glue"] or [
            c.region for c in self.bundle.calls
        ]
        return max(set(regions), key=regions.count) if regions else "us-east-1"

    def answer(
        self,
        request: Request,
        service: str,
        action: str,
        region: str,
        parameters: Mapping[str, Any],
        call: S3Call | None,
    ) -> Response | None:
        """Return the recorded answer; None if the call was not recorded and is not for an object.

        Args:
            request: The request.
            service: E.g. `glue`.
            action: E.g. `GetTable`.
            region: Where it is asked.
            parameters: Of Glue and STS.
            call: The S3 operation.

        Raises:
            AwsError: As AWS refused it then; `NotRecorded` for an object that is not known.
        """
        if call is not None and call.key:
            return self._object(request, call)
        question_parameters = _parameters_of(request, service, parameters, call)
        exchange = self._next_answer(_question(service, action, region, question_parameters))
        if exchange is None and call is not None and action == "ListObjectsV2":
            return self._listing(call)
        if exchange is None:
            return None
        if exchange.error is not None:
            raise _refused(exchange)
        try:
            return _rendered(service, action, exchange.answer, call)
        except (TypeError, ValueError, AttributeError, OverflowError) as error:
            raise not_recorded(f"what was answered to {action} is damaged ({error})") from None

    def tables(self) -> Iterator[tuple[str, str, dict[str, Any], list[dict[str, Any]]]]:
        """Yield database, catalog, entry and partitions of each table in the recorded answers."""
        tables: dict[tuple[str, str], tuple[str, dict[str, Any]]] = {}
        partitions: dict[tuple[str, str], dict[tuple[str, ...], dict[str, Any]]] = {}
        for call in self.bundle.calls:
            if call.service != "glue" or not isinstance(call.answer, dict):
                continue
            catalog = str(call.asked.get("CatalogId", ""))
            for entry in (call.answer.get("Table"), *(call.answer.get("TableList") or ())):
                if isinstance(entry, dict) and "StorageDescriptor" in entry:
                    key = (str(entry.get("DatabaseName")), str(entry.get("Name")))
                    tables[key] = (catalog or str(entry.get("CatalogId", "")), entry)
            for one in (call.answer.get("Partition"), *(call.answer.get("Partitions") or ())):
                if isinstance(one, dict) and isinstance(one.get("Values"), list):
                    key = (str(call.asked.get("DatabaseName")), str(call.asked.get("TableName")))
                    by_values = partitions.setdefault(key, {})
                    values = tuple(map(str, one["Values"]))
                    if values not in by_values or "Columns" in (one.get("StorageDescriptor") or {}):
                        by_values[values] = one
        for (database, name), (catalog, entry) in tables.items():
            of = list(partitions.get((database, name), {}).values())
            table = {k: v for k, v in entry.items() if k in _TABLE}
            yield (
                database,
                catalog,
                table,
                [{k: v for k, v in p.items() if k in _PARTITION} for p in of],
            )

    def _take(self, call: Exchange) -> None:
        question = _question(call.service, call.operation, call.region, call.asked)
        self._answers.setdefault(question, []).append(call)
        if call.service != "s3":
            return
        bucket, key = str(call.asked.get("Bucket", "")), str(call.asked.get("Key", ""))
        if call.error is not None:
            if key:
                self._refused.setdefault((bucket, key), call)
            elif call.operation == "ListObjectsV2":
                self._unlisted.append((bucket, str(call.asked.get("Prefix", "")), call))
            return
        answer = call.answer if isinstance(call.answer, dict) else {}
        if key:
            # A refusal that was mended by a retry is none.
            self._refused.pop((bucket, key), None)
            size = _whole_size(answer)
            if size is not None:
                self._store(bucket, key, size, str(answer.get("ETag", "")), answer)
            return
        if call.operation == "ListObjectsV2":
            self._listed.setdefault(bucket, []).append(str(call.asked.get("Prefix", "")))
        for item in answer.get("Contents") or ():
            if isinstance(item, dict) and type(item.get("Size")) is int and item["Size"] >= 0:
                etag = str(item.get("ETag", ""))
                self._store(bucket, str(item.get("Key")), item["Size"], etag, item)

    def _store(
        self, bucket: str, key: str, size: int, etag: str, attributes: Mapping[str, Any]
    ) -> None:
        if size > sys.maxsize:
            from headwater.errors import BundleError  # the emulator itself stands without the core

            raise BundleError(
                f"the support bundle tells a size that no object has: {size:,} of s3://{bucket}/{key}",
                code="bundle-damaged",
                hint="ask whoever sent it for the file that `headwater check --bundle` wrote",
            )
        stored = StoredObject(Hollow(size, ()), {}, etag, _moment(attributes.get("LastModified")))
        self._bucket(bucket).put(key, stored)

    def _store_file(self, file: BundledFile) -> None:
        bucket, _, key = file.path.partition("://")[2].partition("/")
        old = self._bucket(bucket).get(key)
        etag = f'"{file.etag}"' if file.etag else (old.etag if old else '"recorded"')
        size = len(old.data) if old is not None else file.size
        whole = [c for form, c in file.parts if form in ("json", "lines", "text", "checkpoint")]
        data = whole[0] if whole else Hollow(size, file.parts)
        modified = old.modified if old else datetime.now(UTC)
        self._bucket(bucket).put(key, StoredObject(data, {}, etag, modified))

    def _bucket(self, name: str) -> Bucket:
        if name not in self._buckets:
            self._buckets[name] = Bucket(name, "", self.region)
        return self._buckets[name]

    def _next_answer(self, question: str) -> Exchange | None:
        with self._lock:
            left = self._answers.get(question)
            if left is None:
                return None
            return left.pop(0) if len(left) > 1 else left[0]

    def _object(self, request: Request, call: S3Call) -> Response:
        if call.action not in ("GetObject", "HeadObject"):
            raise not_recorded("and nothing can be written to it")
        refused = self._refused.get((call.bucket, call.key))
        if refused is not None:
            raise _refused(refused)
        stored = self._bucket(call.bucket).get(call.key)
        if stored is None:
            if self._knows(call.bucket, call.key):
                raise AwsError("NoSuchKey", "The specified key does not exist.", 404)
            raise not_recorded(f"s3://{call.bucket}/{call.key} is not in it")
        data = stored.data
        if call.action == "HeadObject" and isinstance(data, Hollow) and not data.tells_columns:
            raise not_recorded("no row of it is")
        return get_object(request, stored)

    def _knows(self, bucket: str, key: str) -> bool:
        """Return whether a recorded listing would have contained a key."""
        return any(key.startswith(prefix) for prefix in self._listed.get(bucket, ()))

    def _listing(self, call: S3Call) -> Response:
        prefix = call.query.get("prefix", "")
        for bucket, refused, exchange in self._unlisted:
            if bucket == call.bucket and (prefix.startswith(refused) or not refused):
                raise _refused(exchange)
        if call.bucket not in self._buckets:
            raise not_recorded(f"the bucket {call.bucket} is not in it")
        page = list_objects(self._bucket(call.bucket), call.query, second=True)
        return Response(page.status, {**page.headers, MARK: "no-rows"}, page.body)


def not_recorded(call: str) -> AwsError:
    """Return the error for a call that a bundle can't answer."""
    return AwsError(CODE, f"the support bundle that is replayed does not tell it: {call}", 403)


def _parameters_of(
    request: Request, service: str, parameters: Mapping[str, Any], call: S3Call | None
) -> Mapping[str, Any]:
    if call is not None:
        query: dict[str, Any] = {"Bucket": call.bucket}
        for name, value in call.query.items():
            if name in _QUERY:
                query[_QUERY[name]] = int(value) if name == "max-keys" else value
        return query
    if service == "glue":
        value = json.loads(request.body or b"{}")
        return value if isinstance(value, dict) else {}
    return parameters


def _question(service: str, action: str, region: str, parameters: Mapping[str, Any]) -> str:
    """Return a call's key, the same for calls that ask the same."""
    match service:
        case "s3":
            distinguishing: Any = {
                k: parameters[k] for k in _LISTING if parameters.get(k) not in (None, "")
            }
        case "sts":
            distinguishing = parameters.get("RoleArn")
        case _:
            distinguishing = parameters
    return json.dumps(
        [service, action, "" if service == "sts" else region, distinguishing], sort_keys=True
    )


def _refused(call: Exchange) -> AwsError:
    error = call.error or {}
    if call.status == 0:
        raise ConnectionDroppedError
    refusal = AwsError(str(error.get("Code", "")), str(error.get("Message", "")), call.status)
    more = {k: str(v) for k, v in error.items() if k not in ("Code", "Message", "BucketRegion")}
    refusal.more = more
    if "BucketRegion" in error:
        refusal.headers = {"x-amz-bucket-region": str(error["BucketRegion"])}
    return refusal


def _rendered(service: str, action: str, answer: Any, call: S3Call | None) -> Response:
    answer = answer if isinstance(answer, dict) else {}
    if service == "glue":
        if not _fits_shape(_answered_by_glue(action), answer):
            raise ValueError("it is not of the form that Glue's answers have")
        return Response(200, {"content-type": JSON}, json.dumps(answer).encode())
    if service == "sts":
        if action == "GetCallerIdentity" and not {"Arn", "Account", "UserId"} <= set(answer):
            raise ValueError("it says of nobody who they are")
        return Response(200, {"content-type": XML}, _sts(action, answer).encode())
    if action == "ListObjectsV2" and call is not None:
        page = xml("ListBucketResult", _page(answer, call))
        return Response(200, {**page.headers, MARK: "no-rows"}, page.body)
    if action == "GetBucketLocation":
        return xml("LocationConstraint", escape(str(answer.get("LocationConstraint") or "")))
    if action == "HeadBucket":
        return Response(200, {}, b"")
    raise not_recorded(f"the answer to {action}")


@cache
def _answered_by_glue(action: str) -> Any:
    """Return botocore's shape of Glue's answer to a call; None if it has none."""
    import botocore.session

    model = botocore.session.get_session().get_service_model("glue")
    return model.operation_model(action).output_shape


def _fits_shape(shape: Any, value: Any) -> bool:
    """Return whether an answer fits its shape; botocore itself checks few types.

    Args:
        shape: A shape of botocore's model; None if it knows none.
        value: The answer, or a part of it.
    """
    if shape is None or value is None:
        return True
    match shape.type_name:
        case "structure":
            members = shape.members
            return (
                isinstance(value, dict)
                and all(value.get(name) is not None for name in shape.required_members)
                and all(_fits_shape(members.get(k), v) for k, v in value.items())
            )
        case "list":
            return isinstance(value, list) and all(_fits_shape(shape.member, v) for v in value)
        case "map":
            return isinstance(value, dict) and all(
                _fits_shape(shape.value, v) for v in value.values()
            )
        case "boolean":
            return isinstance(value, bool)
        case "integer" | "long":
            return type(value) is int and -(2**63) <= value < 2**63
        case "float" | "double":
            return isinstance(value, int | float)
        case "timestamp":
            return isinstance(value, int | float) or _is_moment(value)
    return isinstance(value, str)


def _is_moment(value: Any) -> bool:
    with suppress(ValueError, TypeError):
        datetime.fromisoformat(value)
        return True
    return False


def _page(answer: Mapping[str, Any], call: S3Call) -> str:
    from urllib.parse import quote

    in_url = call.query.get("encoding-type") == "url"

    def text(value: Any) -> str:
        return quote(str(value), safe="/") if in_url else escape(str(value))

    contents = [c for c in answer.get("Contents") or () if isinstance(c, dict)]
    prefixes = [p for p in answer.get("CommonPrefixes") or () if isinstance(p, dict)]
    parts = [
        f"<Name>{escape(call.bucket)}</Name><Prefix>{text(call.query.get('prefix', ''))}</Prefix>",
        "<EncodingType>url</EncodingType>" if in_url else "",
        f"<IsTruncated>{'true' if answer.get('IsTruncated') else 'false'}</IsTruncated>",
        f"<KeyCount>{len(contents) + len(prefixes)}</KeyCount>",
    ]
    if answer.get("NextContinuationToken"):
        token = escape(str(answer["NextContinuationToken"]))
        parts.append(f"<NextContinuationToken>{token}</NextContinuationToken>")
    for item in contents:
        modified = iso(_moment(item.get("LastModified")))
        parts.append(
            f"<Contents><Key>{text(item.get('Key'))}</Key><LastModified>{modified}</LastModified>"
            f"<ETag>{escape(str(item.get('ETag')))}</ETag><Size>{int(item.get('Size') or 0)}</Size>"
            f"<StorageClass>{escape(str(item.get('StorageClass', 'STANDARD')))}</StorageClass>"
            "</Contents>"
        )
    parts += [
        f"<CommonPrefixes><Prefix>{text(p.get('Prefix'))}</Prefix></CommonPrefixes>"
        for p in prefixes
    ]
    return "".join(parts)


def _sts(action: str, answer: Mapping[str, Any]) -> str:
    inside = "".join(_element(k, v) for k, v in answer.items())
    if action.startswith("AssumeRole"):
        # The keys that were issued then are not in a bundle: these open nothing but this.
        ends = (datetime.now(UTC) + timedelta(hours=1)).strftime("%Y-%m-%dT%H:%M:%SZ")
        inside += (
            f"<Credentials><AccessKeyId>ASIA{secrets.token_hex(8).upper()}</AccessKeyId>"
            f"<SecretAccessKey>{secrets.token_hex(20)}</SecretAccessKey>"
            f"<SessionToken>{secrets.token_hex(40)}</SessionToken>"
            f"<Expiration>{ends}</Expiration></Credentials>"
        )
    return (
        f'<{action}Response xmlns="https://sts.amazonaws.com/doc/2011-06-15/">'
        f"<{action}Result>{inside}</{action}Result>"
        "<ResponseMetadata><RequestId>replayed</RequestId></ResponseMetadata>"
        f"</{action}Response>"
    )


def _element(name: str, value: Any) -> str:
    if not name.isalnum():
        return ""
    inside = (
        "".join(_element(str(k), v) for k, v in value.items())
        if isinstance(value, Mapping)
        else escape(str(value))
    )
    return f"<{name}>{inside}</{name}>"


def _whole_size(answer: Mapping[str, Any]) -> int | None:
    content_range = answer.get("ContentRange")
    if isinstance(content_range, str):
        size = content_range.rpartition("/")[2]
        return int(size) if size.isdecimal() else None
    length = answer.get("ContentLength")
    return length if type(length) is int and length >= 0 else None


def _moment(text: Any) -> datetime:
    with suppress(ValueError, TypeError):
        return datetime.fromisoformat(text).astimezone(UTC)
    return datetime(2020, 1, 1, tzinfo=UTC)


def replayed_configuration(
    replay: Replay, endpoint_url: str, folder: Path, token: str
) -> dict[str, Any]:
    """Return a bundle's configuration with the emulator's address and identities that it accepts.

    Args:
        replay: The bundle.
        endpoint_url: The emulator's address.
        folder: Where to write the files of the identities.
        token: A token of the emulator's issuer.
    """
    (folder / "key").write_text(secrets.token_hex(20), encoding="utf-8")
    (folder / "token").write_text(token, encoding="utf-8")
    models: dict[str, Any] = {}
    for model, versions in _mappings(replay.bundle.configuration.get("models")):
        documents = models.setdefault(model, {"versions": {}})["versions"]
        for name, version in _mappings(versions.get("versions")):
            documents[name] = {k: _literal(v) for k, v in version.items() if k not in _PURPOSES}
            for purpose in _PURPOSES & set(version):
                connection = _rerouted(version[purpose], endpoint_url, replay.region, folder)
                if connection is not None:
                    documents[name][purpose] = connection
    return {"version": 1, "models": models}


_PURPOSES: Final = frozenset({"training", "serving", "testing", "actuals"})
_KINDS: Final = frozenset({"glue", "s3"})


def _mappings(value: Any) -> Iterator[tuple[str, dict[str, Any]]]:
    if isinstance(value, dict):
        for name, inner in value.items():
            if isinstance(inner, dict):
                yield name, inner


def _rerouted(
    connection: Any, endpoint_url: str, region: str, folder: Path
) -> dict[str, Any] | None:
    """Return a connection that calls the emulator; None for one that would call anything else.

    Who made the bundle may have written anything into it: a file of this machine, a database of
    somebody's, a command that gives a token.
    """
    source = connection.get("source") if isinstance(connection, dict) else None
    if not isinstance(source, dict) or str(source.get("type")) not in _KINDS:
        return None
    document: dict[str, Any] = _literal(connection)
    own = {k: v for k, v in document["source"].items() if k != "auth"}
    auth = source.get("auth")
    document["source"] = {
        "region": region,
        **own,
        "endpoint_url": endpoint_url,
        "auth": _identity(_literal(auth) if isinstance(auth, dict) else {}, folder),
    }
    return document


def _literal(value: Any) -> Any:
    """Return plain data with `${...}` escaped: it must not read this machine's environment."""
    match value:
        case str():
            return value.replace("${", "$${")
        case dict():
            return {k: _literal(v) for k, v in value.items()}
        case list():
            return [_literal(v) for v in value]
    return value


def _identity(auth: Mapping[str, Any], folder: Path) -> dict[str, Any]:
    keys = {
        "type": "static",
        "access_key_id": "REPLAYED",
        "secret_access_key": f"file:{folder / 'key'}",
    }
    named = {k: auth[k] for k in ("role_arn", "session_name", "duration") if k in auth}
    match auth.get("type"):
        case "oidc-role":
            return {"type": "oidc-role", **named, "token": f"file:{folder / 'token'}"}
        case "assume-role":
            return {"type": "assume-role", **named, "source": keys}
    return keys
