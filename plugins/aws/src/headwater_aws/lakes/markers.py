"""Markers: whether the files of a plain table are those of a Delta, Iceberg or Hudi table.

Such a table keeps beside its files which of them count. Read as plain files it gives deleted rows
and old versions of rows again, and nobody is told. Its marker lies at its root, which a table's
partitions lie below.
"""

from __future__ import annotations

from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context
from typing import TYPE_CHECKING, Any, Final

from headwater.errors import AccessDeniedError
from headwater.lakes import layout as lake_layout
from headwater.lakes.layout import Lake
from headwater_aws.errors import translating
from headwater_aws.listing import parse_uri

if TYPE_CHECKING:
    from headwater_aws.listings import Listings
    from headwater_aws.session import AwsSession

_ROOTS: Final = 16
"""Most places that are looked at for one table: one or two, unless partitions lie all over."""
_THREADS: Final = 8


def lake_at(
    listings: Listings, location: str | None, partitions: Iterable[str] = ()
) -> Lake | None:
    """Return the Delta, Iceberg or Hudi table that a table's files are of, or None.

    Costs one call a table, as a rule; none where a listing of the operation tells it. A place that
    may not be listed is passed over: who may read no more than partitions can't be told what lies
    beside them.

    Args:
        listings: What the operation listed.
        location: Where the table lies: the URI of a directory.
        partitions: Where its partitions lie.
    """
    roots = _roots(location, partitions)
    if not roots:
        return None
    with ThreadPoolExecutor(min(_THREADS, len(roots)), thread_name_prefix="headwater-s3") as pool:
        looks = [pool.submit(copy_context().run, _look, listings, b, p) for b, p in roots]
        return next((lake for look in looks if (lake := look.result()) is not None), None)


def _roots(location: str | None, partitions: Iterable[str]) -> list[tuple[str, str]]:
    """Return bucket and prefix of each place where a marker may lie."""
    places: dict[tuple[str, str], None] = {}
    own = parse_uri(location) if location else None
    if own is not None:
        places |= {(own[0], root): None for root in lake_layout.roots(own[1])}
    for partition in partitions:
        bucket, key = parse_uri(partition)
        if own is None or bucket != own[0] or not key.startswith(f"{own[1].rstrip('/')}/"):
            places |= {(bucket, root): None for root in list(lake_layout.roots(key))[1:]}
        if len(places) >= _ROOTS:
            break
    return [(bucket, f"{root}/" if root else "") for bucket, root in list(places)[:_ROOTS]]


def _look(listings: Listings, bucket: str, prefix: str) -> Lake | None:
    keys = listings.whole(bucket, prefix)
    if keys is not None:
        below = [key.removeprefix(prefix) for key in keys]
        names = {key.partition("/")[0] for key in below}
        inner = [key.removeprefix("metadata/") for key in below if key.startswith("metadata/")]
        return lake_layout.lake(f"s3://{bucket}/{prefix}", names, inner)
    if listings.refused(bucket, prefix):
        return None
    return listings.once(
        ("lake", bucket, prefix), lambda: _lake_below(listings.session, bucket, prefix)
    )


def _lake_below(session: AwsSession, bucket: str, prefix: str) -> Lake | None:
    try:
        page = _page(session, bucket, prefix, Delimiter="/")
        names = _names(page, prefix)
        for name in lake_layout.DIRECTORIES if page.get("IsTruncated") else ():
            # A page holds a thousand names in their order; what comes after is asked for.
            if name not in names and _page(session, bucket, f"{prefix}{name}/", MaxKeys=1).get(
                "Contents"
            ):
                names.append(name)
        inner = _page(session, bucket, f"{prefix}metadata/") if "metadata" in names else {}
    except AccessDeniedError:
        return None
    return lake_layout.lake(f"s3://{bucket}/{prefix}", names, _names(inner, f"{prefix}metadata/"))


def _names(page: dict[str, Any], prefix: str) -> list[str]:
    keys = [p["Prefix"] for p in page.get("CommonPrefixes", [])]
    keys += [item["Key"] for item in page.get("Contents", [])]
    return [key.removeprefix(prefix).rstrip("/") for key in keys]


def _page(session: AwsSession, bucket: str, prefix: str, **options: Any) -> dict[str, Any]:
    with translating(
        doing=f"list s3://{bucket}/{prefix}", resource=f"s3://{bucket}", session=session
    ):
        page: dict[str, Any] = session.client("s3").list_objects_v2(
            Bucket=bucket, Prefix=prefix, **options
        )
        return page
