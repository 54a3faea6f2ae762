"""Symlink manifests: text files that name the data files of a table, one URI a line.

Writers of Delta and Hudi generate them for readers that do not know their formats. They are a copy
of one moment: what the writer did since is not in them.

Source: Apache Hive, `SymlinkTextInputFormat`; Delta Lake, "Presto, Trino, and Athena to Delta Lake
integration using manifests".
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from headwater.errors import DataChangedError, SourceError
from headwater.lakes.places import Store
from headwater_aws.listing import S3Object, list_many, parse_uri
from headwater_aws.objects import read_objects

if TYPE_CHECKING:
    from headwater_aws.session import AwsSession


def manifest_files(
    session: AwsSession, locations: Sequence[str], table: str
) -> Mapping[str, tuple[S3Object, ...]]:
    """Return the data files that the manifests at each location name.

    Args:
        session: Who reads.
        locations: Directories of manifests: of the table, or one for each partition.
        table: The table, for messages.

    Raises:
        DataChangedError: If a manifest names a file that is not there any more.
        SourceError: If a line of a manifest is not an S3 URI.
        UnsupportedError: If it is one that readers take for different places.
    """
    manifests = list_many(session, locations)
    contents = read_objects(
        session,
        [m.uri for objects in manifests.values() for m in objects],
        f"read the manifest of {table}",
    )
    named = {
        location: [uri for m in objects for uri in _lines(contents[m.uri], m.uri, table)]
        for location, objects in manifests.items()
    }
    directories = {u.rpartition("/")[0] + "/" for uris in named.values() for u in uris}
    by_uri = {
        f.uri: f for objects in list_many(session, sorted(directories)).values() for f in objects
    }
    for location, uris in named.items():
        if lost := [u for u in uris if u not in by_uri]:
            raise DataChangedError(
                f"table {table}: its manifest at {location} names {lost[0]}, which is not there",
                hint="the manifest is older than the data: generate it again, or register the "
                "table in its own format",
            )
    return {location: tuple(by_uri[u] for u in uris) for location, uris in named.items()}


def _lines(content: bytes, manifest: str, table: str) -> list[str]:
    uris = []
    for line in content.decode("utf-8", "replace").splitlines():
        if not line.strip():
            continue
        if not line.strip().startswith(("s3://", "s3a://", "s3n://")):
            raise SourceError(
                f"table {table}: {manifest} is no manifest: {line.strip()[:80]!r} is not an S3 URI",
                code="broken-manifest",
            )
        Store("s3").path(line.strip(), f"a file that {manifest} names", table)
        bucket, key = parse_uri(line.strip())
        uris.append(f"s3://{bucket}/{key}")
    return uris
