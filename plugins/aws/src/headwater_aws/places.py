"""The examination of places in S3: may they be listed, and may one of their objects be read?

Each place is two stages, named after the permissions, whatever is wrong with the others. What is
listed and read is what a read of the same table lists and reads, so that a policy which is exactly
enough passes.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import islice
from typing import TYPE_CHECKING, Final

from headwater.diagnostics import Diagnostic, Severity
from headwater.engines.small_files import SMALL, small_content
from headwater.errors import HeadwaterError
from headwater.interfaces.report import CheckStage, Status
from headwater.tables.relation import DataFile
from headwater_aws.errors import translating
from headwater_aws.listing import S3Object, parse_uri
from headwater_aws.recording import note_excerpt

if TYPE_CHECKING:
    from headwater_aws.listings import Listings

LIST, READ = "s3:ListBucket", "s3:GetObject"
"""Names of the two stages: the permissions that they prove."""
_FILES: Final = 1000
"""Files of a place that are counted: one call's worth."""
_HEADER: Final = 16
_MAGIC: Final = {"parquet": b"PAR1", "orc": b"ORC", "avro": b"Obj\x01"}
"""How files of a format begin. Source: each format's specification."""


@dataclass(frozen=True, slots=True)
class Place:
    """Somewhere in S3 that a read lists and reads.

    Args:
        locations: What is listed, e.g. a table's partitions; the last that has files is read.
        what: What lies there, for a person, e.g. `db.predictions, 20 of 24 partitions`.
        format: Format of its files, where it is known.
        object: Instead of any file that was listed: the URI of the object to read.
        listed: Whether a read lists it; False for what a table's metadata names.
        matching: What the whole key of a file must match.
    """

    locations: tuple[str, ...]
    what: str
    format: str = ""
    object: str | None = None
    listed: bool = True
    matching: re.Pattern[str] | None = None

    def holds(self, file: S3Object) -> bool:
        """Return whether a file that was listed belongs to it."""
        return self.matching is None or bool(self.matching.fullmatch(parse_uri(file.uri)[1]))


def examine_places(listings: Listings, places: Iterable[Place]) -> Iterator[CheckStage]:
    """Yield the stages `s3:ListBucket` and `s3:GetObject` of each place.

    Args:
        listings: Lists and reads, and keeps it for the operation.
        places: Where.
    """
    for place in places:
        file: S3Object | None = None
        if place.listed:
            stage, file = _list_stage(listings, place)
            yield stage
        yield _read_stage(listings, place, file)


def _list_stage(listings: Listings, place: Place) -> tuple[CheckStage, S3Object | None]:
    """Return the stage, and the newest file there."""
    try:
        if len(place.locations) == 1:
            files = filter(place.holds, listings.some_files(place.locations[0]))
            listed = list(islice(files, _FILES))
        else:
            by_location = listings.files(place.locations)
            listed = [file for location in place.locations for file in by_location[location]]
    except HeadwaterError as error:
        return CheckStage.failed(LIST, error), None
    place_text = place.locations[-1] + (
        f" and {len(place.locations) - 1} beside it" if len(place.locations) > 1 else ""
    )
    number = "1 file" if len(listed) == 1 else f"{len(listed)} files"
    if len(listed) == _FILES:
        number += " or more"
    details = {"locations": list(place.locations), "files": len(listed)}
    summary = f"{place_text} ({place.what}): {number}"
    if not listed:
        lacking = Diagnostic(
            "no-files",
            f"nothing lies in {place_text}",
            Severity.WARNING,
            hint="most likely first: nothing has landed yet; the location is registered wrongly; "
            "hidden files (_x, .x) and empty ones do not count",
        )
        return CheckStage(LIST, Status.WARNING, summary, (lacking,), details), None
    return CheckStage(LIST, Status.OK, summary, (), details), listed[-1]


def _read_stage(listings: Listings, place: Place, file: S3Object | None) -> CheckStage:
    """Return the stage that reads how an object begins: that decrypts it, where it is encrypted."""
    uri = place.object or (None if file is None else file.uri)
    if uri is None:
        return CheckStage.skipped(READ, f"not examined: no file of {place.what} was seen")
    try:
        head = _header(listings, uri, file)
    except HeadwaterError as error:
        return CheckStage.failed(READ, error)
    magic = _MAGIC.get(place.format)
    if magic is not None and head.startswith(magic):
        note_excerpt(uri, "magic", magic, size=None if file is None else file.size)
    details = {"object": uri}
    if magic is not None and not head.startswith(magic):
        wrong = Diagnostic(
            "wrong-format",
            f"{uri} does not begin as {place.format} files do",
            Severity.WARNING,
            hint="most likely first: another kind of file lies among them; the table is registered "
            "with another format; the file was cut or encrypted by its writer",
        )
        return CheckStage(READ, Status.WARNING, f"{uri} was read", (wrong,), details)
    kind = f", which begins as {place.format} does" if magic is not None else ""
    return CheckStage(READ, Status.OK, f"{uri} was read{kind}", (), details)


def _header(listings: Listings, uri: str, file: S3Object | None) -> bytes:
    if file is not None and file.uri == uri and file.size <= SMALL:
        # A read of so small a file takes it whole, and so it is kept for that.
        planned = DataFile(file.uri, file.size, 0, file.etag)
        doing = f"read {uri}"
        who = listings.auth_ref
        return small_content(listings.session, who, planned, doing, listings.cache)[:_HEADER]
    bucket, key = parse_uri(uri)
    session = listings.session
    with translating(doing=f"read {uri}", resource=f"s3://{bucket}/{key}", session=session):
        answer = session.client("s3").get_object(
            Bucket=bucket, Key=key, Range=f"bytes=0-{_HEADER - 1}"
        )
        body: bytes = answer["Body"].read()
    return body
