"""Listing S3: which files lie under a table's locations, in as few calls as that takes."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import FIRST_EXCEPTION, ThreadPoolExecutor, wait
from contextlib import AbstractContextManager
from contextvars import copy_context
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from itertools import count
from os.path import commonprefix
from typing import Any, TypeVar

from headwater.errors import AccessDeniedError, ConfigError
from headwater_aws.errors import translating
from headwater_aws.session import AwsSession

_URI = re.compile(r"s3[an]?://(?P<bucket>[^/]+)(?:/(?P<key>.*))?", re.DOTALL)
PAGE = 1000
"""Keys that one call gives. Source: S3 API reference, ListObjectsV2."""
_Job = TypeVar("_Job")
_Done = TypeVar("_Done")
_WASTE = 20
"""Where less than one key in so many is wanted, prefixes are listed one by one instead."""


@dataclass(frozen=True, slots=True)
class S3Object:
    """A file in S3.

    Args:
        uri: `s3://bucket/key`.
        size: Bytes.
        etag: Its version mark, without quotes.
        modified: When it was written.
    """

    uri: str
    size: int
    etag: str
    modified: datetime


def parse_uri(uri: str) -> tuple[str, str]:
    """Return bucket and key of an S3 URI (`s3`, `s3a` and `s3n` are the same place).

    Raises:
        ConfigError: If it is none.
    """
    match = _URI.fullmatch(uri)
    if not match:
        raise ConfigError(f"{uri!r} is not an S3 location", hint="write s3://bucket/prefix/")
    return match["bucket"], match["key"] or ""


def list_files(
    session: AwsSession, uri: str, *, recursive: bool = True, after: str | None = None
) -> Iterator[S3Object]:
    """Yield the data files at a location, in the order of their keys.

    Left out are what Spark leaves out (a name that starts with `.`, or with `_` and holds no `=`,
    anywhere below the location), empty objects and directory markers. A location that does not
    exist is empty.

    Args:
        session: Who lists.
        uri: A prefix, taken as a directory with or without its final slash; or one object.
        recursive: Whether to go into the directories below.
        after: A key below the location, behind which to begin; None begins with its first.

    Raises:
        AccessDeniedError: If the session may not list the bucket there.
        SourceError: If there is no such bucket, or S3 does not answer.

    Source: Spark's HadoopFSUtils.shouldFilterOutPathName.
    """
    bucket, prefix = prefix_of(uri)
    options = {} if recursive else {"Delimiter": "/"}
    if after is not None:
        options["StartAfter"] = after
    empty = after is None
    for page in _pages(session, bucket, prefix, **options):
        for item in page:
            if is_data(item["Key"], prefix, item["Size"]):
                empty = False
                yield _object(bucket, item)
    if empty and not uri.endswith("/"):
        yield from _single_object(session, bucket, prefix.rstrip("/"))


def list_many(
    session: AwsSession, uris: Iterable[str], *, threads: int = 16, page_size: int = PAGE
) -> dict[str, tuple[S3Object, ...]]:
    """Return the data files at each of many locations.

    Locations that lie beside each other are listed together: one call gives 1,000 keys, and
    where the keys between two wanted locations are not wanted, the next call starts behind them.
    So it takes one call more than listing one by one, at the most, and far fewer for small
    partitions.

    Args:
        session: Who lists.
        uris: Prefixes or objects, as for `list_files`.
        threads: Calls under way at once.
        page_size: Keys of one call, at most 1,000.

    Returns:
        Files by location, as it was spelled; a missing location has none.
    """
    distinct = list(dict.fromkeys(uris))
    result: dict[str, tuple[S3Object, ...]] = {}
    if not distinct:
        return result
    with ThreadPoolExecutor(threads, thread_name_prefix="headwater-s3") as pool:
        # One walk, where a page of it is enough; as many as there are threads, where it is not.
        walks, alone = _jobs(distinct, 1, page_size)
        if threads > 1 and session.narrowed_to is None:
            for by_uri, refused in _all(pool, partial(_list_start, session), walks):
                result |= by_uri
                alone += refused
        lacking = [uri for uri in distinct if uri not in result and uri not in alone]
        walks, more = _jobs(lacking, threads, page_size)
        for by_uri in _all(pool, partial(_list_run, session), walks):
            result |= by_uri
        for by_uri in _all(pool, partial(_list_alone, session), dict.fromkeys([*alone, *more])):
            result |= by_uri
    return {uri: result[uri] for uri in distinct}


def _all(
    pool: ThreadPoolExecutor, do: Callable[[_Job], _Done], jobs: Iterable[_Job]
) -> list[_Done]:
    """Do jobs side by side; the first that fails ends those that have not begun."""
    # Each gets a context of its own: a deadline set outside holds inside.
    futures = [pool.submit(copy_context().run, do, job) for job in jobs]
    _, pending = wait(futures, return_when=FIRST_EXCEPTION)
    for future in pending:
        future.cancel()
    return [future.result() for future in futures if not future.cancelled()]


def is_data(key: str, prefix: str, size: int) -> bool:
    """Return whether an object under a prefix holds rows, as Spark sees it.

    Args:
        key: Its key.
        prefix: The location's prefix; what is hidden in there does not count.
        size: Bytes.
    """
    if size == 0 or key.endswith("/"):
        return False
    return not any(
        part.startswith(".") or (part.startswith("_") and "=" not in part)
        for part in key[len(prefix) :].split("/")
    )


@dataclass(frozen=True)
class _Run:
    """Locations of one bucket in the order of their prefixes, none inside another."""

    bucket: str
    root: str
    prefixes: tuple[str, ...]
    uris: tuple[str, ...]
    page_size: int


def _jobs(uris: Sequence[str], threads: int, page_size: int) -> tuple[list[_Run], list[str]]:
    """Return runs of neighbours, and what is listed alone."""
    spellings: dict[str, dict[str, list[str]]] = {}
    for uri in uris:
        bucket, prefix = prefix_of(uri)
        spellings.setdefault(bucket, {}).setdefault(prefix, []).append(uri)
    runs: list[_Run] = []
    alone: list[str] = []
    for bucket, spelled in spellings.items():
        neighbours: dict[str, list[str]] = {}
        outer: str | None = None
        for prefix in sorted(spelled):
            first, *others = spelled[prefix]
            # Two spellings of a place, or a place inside another, are rare: nothing clever there.
            alone += others
            if outer is not None and prefix.startswith(outer):
                alone.append(first)
                continue
            outer = prefix
            neighbours.setdefault(table_directory(prefix), []).append(prefix)
        for group in neighbours.values():
            size = -(-len(group) // threads)
            for start in range(0, len(group), size):
                part = tuple(group[start : start + size])
                named = tuple(spelled[prefix][0] for prefix in part)
                if len(part) == 1:
                    alone += named
                else:
                    runs.append(_Run(bucket, _common_directory(part), part, named, page_size))
    return runs, alone


def _list_start(
    session: AwsSession, run: _Run
) -> tuple[dict[str, tuple[S3Object, ...]], tuple[str, ...]]:
    """List neighbouring locations as far as one page goes; and those to list one by one."""
    by_prefix: list[list[S3Object]] = [[] for _ in run.prefixes]
    try:
        walked = _walk(session, run, by_prefix, pages=1)
    except AccessDeniedError:
        # A narrow policy may open each location and not the directory above them.
        return {}, run.uris
    return _result(session, run, by_prefix, walked), ()


def _list_alone(session: AwsSession, uri: str) -> dict[str, tuple[S3Object, ...]]:
    return {uri: tuple(list_files(session, uri))}


def _list_run(session: AwsSession, run: _Run) -> dict[str, tuple[S3Object, ...]]:
    """List neighbouring locations by walking over what they have in common."""
    by_prefix: list[list[S3Object]] = [[] for _ in run.prefixes]
    try:
        walked = _walk(session, run, by_prefix)
    except AccessDeniedError:
        # A narrow policy may open each location and not the directory above them.
        walked = 0
    result = _result(session, run, by_prefix, walked)
    for uri in run.uris[walked:]:
        result |= _list_alone(session, uri)
    return result


def _result(
    session: AwsSession, run: _Run, by_prefix: Sequence[Sequence[S3Object]], walked: int
) -> dict[str, tuple[S3Object, ...]]:
    """Return the files of the first locations, which are complete."""
    result: dict[str, tuple[S3Object, ...]] = {}
    for number, uri in enumerate(run.uris[:walked]):
        if not by_prefix[number] and not uri.endswith("/"):
            result[uri] = tuple(
                _single_object(session, run.bucket, run.prefixes[number].rstrip("/"))
            )
        else:
            result[uri] = tuple(by_prefix[number])
    return result


def _walk(
    session: AwsSession, run: _Run, by_prefix: list[list[S3Object]], pages: int | None = None
) -> int:
    """Collect objects into `by_prefix`; return how many locations, from the first, are complete."""
    at, after = 0, run.prefixes[0]
    for _ in count() if pages is None else range(pages):
        page = _page(session, run.bucket, run.root, after, run.page_size)
        items = page.get("Contents", [])
        useful = 0
        for item in items:
            key = item["Key"]
            while (
                at < len(by_prefix)
                and key > run.prefixes[at]
                and not key.startswith(run.prefixes[at])
            ):
                at += 1
            if at == len(by_prefix):
                return at
            if key.startswith(run.prefixes[at]):
                useful += 1
                if is_data(key, run.prefixes[at], item["Size"]):
                    by_prefix[at].append(_object(run.bucket, item))
        if not page.get("IsTruncated"):
            return len(by_prefix)
        if useful * _WASTE < len(items):
            return at
        after = max(items[-1]["Key"], run.prefixes[at])
    return at


def first_page(
    session: AwsSession, bucket: str, prefix: str, limit: int = PAGE
) -> tuple[tuple[S3Object, ...], bool]:
    """Return the first objects below a prefix, hidden ones too, and whether there are more.

    Args:
        session: Who lists.
        bucket: The bucket.
        prefix: A directory, or empty.
        limit: How many, at most 1,000.

    Raises:
        AccessDeniedError: If the session may not list the bucket there.
    """
    page = _page(session, bucket, prefix, None, limit)
    objects = tuple(_object(bucket, item) for item in page.get("Contents", []))
    return objects, bool(page.get("IsTruncated"))


def _single_object(session: AwsSession, bucket: str, key: str) -> Iterator[S3Object]:
    """Yield the object that a location without final slash may be itself."""
    if not key:
        return
    try:
        # Of all keys that start with this one, it comes first.
        page = _page(session, bucket, key, None, 1)
    except AccessDeniedError:
        # What lies below could be listed: a policy for directories does not open their names.
        return
    for item in page.get("Contents", []):
        if item["Key"] == key and item["Size"]:
            yield _object(bucket, item)


def _page(session: AwsSession, bucket: str, prefix: str, after: str | None, limit: int) -> Any:
    options = {} if after is None else {"StartAfter": after}
    with _listing(session, bucket, prefix):
        return session.client("s3").list_objects_v2(
            Bucket=bucket, Prefix=prefix, MaxKeys=limit, **options
        )


def _pages(
    session: AwsSession, bucket: str, prefix: str, **options: Any
) -> Iterator[list[dict[str, Any]]]:
    with _listing(session, bucket, prefix):
        paginator = session.client("s3").get_paginator("list_objects_v2")
        for page in paginator.paginate(Bucket=bucket, Prefix=prefix, **options):
            yield page.get("Contents", [])


def _listing(session: AwsSession, bucket: str, prefix: str) -> AbstractContextManager[None]:
    return translating(
        doing=f"list s3://{bucket}/{prefix}", resource=f"s3://{bucket}", session=session
    )


def _object(bucket: str, item: dict[str, Any]) -> S3Object:
    return S3Object(
        f"s3://{bucket}/{item['Key']}",
        item["Size"],
        item["ETag"].strip('"'),
        item["LastModified"].astimezone(UTC),
    )


def prefix_of(uri: str) -> tuple[str, str]:
    """Return bucket and prefix of a location, `uri`, taken as a directory."""
    bucket, key = parse_uri(uri)
    return bucket, key if not key or key.endswith("/") else f"{key}/"


def table_directory(prefix: str) -> str:
    """Return the directory above all `key=value` segments of a `prefix`, or just the one above."""
    parts = prefix.rstrip("/").split("/")[:-1]
    while parts and "=" in parts[-1]:
        parts.pop()
    return f"{'/'.join(parts)}/" if parts else ""


def _common_directory(prefixes: Sequence[str]) -> str:
    shared = commonprefix(prefixes)  # noqa: RUF071 - keys are no paths
    return shared[: shared.rfind("/") + 1]
