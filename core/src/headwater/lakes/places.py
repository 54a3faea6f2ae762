"""Places: which URIs of a lake's metadata a reader opens, and that it opens no others.

A table's metadata is written by its owner, and names files by URIs of any kind. A reader that
follows them wherever they lead opens files of its own machine, calls hosts of the owner's choosing,
and lends its identity to both. So what may be opened follows from the plan (the storage that its
identity opens, or the directory of a table that needs none), and each URI is compared with that as
it is spelled: what two libraries might read in two ways is refused, not interpreted.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final
from urllib.parse import unquote

from headwater.errors import UnsupportedError
from headwater.tables.table import TableName

S3_SCHEMES: Final = frozenset({"s3", "s3a", "s3n"})
"""Spellings of one place. Source: Apache Iceberg, S3URI; Hadoop, S3A."""

_URI: Final = re.compile(r"(?P<scheme>[A-Za-z][A-Za-z0-9+.-]*):(?P<rest>.*)", re.DOTALL)
_BUCKET: Final = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9_-]|\.(?!\.)){1,253}[A-Za-z0-9]")
"""Source: Amazon S3 User Guide, "General purpose bucket naming rules", and those of old buckets.
No colon: an ARN in the place of a bucket would choose the host that is called."""
_CONTROL: Final = re.compile(r"[\x00-\x1f\x7f]")
_SHOWN: Final = 200


@dataclass(frozen=True, slots=True)
class Store:
    """Where a table's files may lie.

    Args:
        scheme: `s3`, `file`, or another scheme as it is spelled.
        authority: What stands between `//` and the path; unused for `s3`, where any bucket is of
            the store that the identity opens.
        root: The directory that local files lie in; unused elsewhere.
    """

    scheme: str
    authority: str = ""
    root: str = ""

    @property
    def plain(self) -> str:
        """A pattern, for Python and for Java, of URIs that surely are of this store.

        It tells millions of names from the few that `path` must look at.
        """
        if self.scheme == "s3":
            start = r"s3[an]?://[A-Za-z0-9](?:[A-Za-z0-9_-]|\.(?!\.)){1,253}[A-Za-z0-9]/"
        elif self.scheme == "file":
            start = rf"(?:file:(?://)?)?{re.escape(self.root)}/"
        else:
            start = re.escape(f"{self.scheme}://{self.authority}/")
        return rf"{start}(?:(?!\.\.|(?<=/)\.(?:/|$)|%[0-257])[^?#\\\x00-\x1f\x7f])+"

    def path(self, uri: str, what: str, table: TableName | str, *, directory: bool = False) -> str:
        """Return the path of a URI in this store: `bucket/key` in S3, else the path itself.

        Args:
            uri: As the metadata spells it.
            what: What it names, for messages, e.g. `its manifest list`.
            table: The table, for messages.
            directory: Whether it may be a whole bucket, or the table's own directory.

        Raises:
            UnsupportedError: If it is not of this store; code `foreign-place`.
        """
        problem, path = self._resolved(uri, directory)
        if problem:
            raise foreign(table, what, uri, problem)
        return path

    def _resolved(self, uri: str, directory: bool) -> tuple[str | None, str]:
        """Return what is wrong with a URI, or None, and its path."""
        scheme, authority, path = split(uri)
        if problem := odd(uri):
            return problem, ""
        if self.scheme == "s3":
            if scheme not in S3_SCHEMES:
                return f"it is {_scheme_text(scheme)}, and the table is read from S3", ""
            if not _BUCKET.fullmatch(authority):
                return f"{authority!r} is not the name of a bucket", ""
            if "?" in path or "#" in path:
                return "it holds `?` or `#`, at which some readers cut it off", ""
            named = len(path) > 1 or directory
            return (None, f"{authority}{path}") if named else ("it names no object", "")
        if scheme != self.scheme:
            return f"it is {_scheme_text(scheme)}, and the table is read from {self.scheme}:", ""
        if authority != self.authority:
            return f"it is of {authority!r}, and the table of {self.authority!r}", ""
        if self.scheme == "file":
            while path.startswith("//"):
                path = path[1:]
            if not f"{path}/".startswith(f"{self.root}/") or (path == self.root and not directory):
                return f"it lies outside the table's directory {self.root}", ""
        return None, path


def store_of(metadata_location: str) -> Store:
    """Return where the files of an Iceberg table may lie, by the place of its metadata file.

    Raises:
        UnsupportedError: If that place is itself none that is opened.
    """
    scheme, authority, path = split(metadata_location)
    if problem := odd(metadata_location):
        raise foreign("Iceberg", "its metadata file", metadata_location, problem)
    if scheme in S3_SCHEMES:
        return Store("s3")
    if scheme != "file":
        return Store(scheme, authority)
    directory = "/" + path.lstrip("/").rpartition("/")[0]
    return Store("file", authority, directory.removesuffix("/metadata"))


def split(uri: str) -> tuple[str, str, str]:
    """Return scheme, authority and path of a URI as it is spelled; a bare path is a `file`."""
    match = _URI.fullmatch(uri)
    if match is None:
        return "file", "", uri
    rest = match["rest"]
    if not rest.startswith("//"):
        return match["scheme"], "", rest
    authority, slash, path = rest[2:].partition("/")
    return match["scheme"], authority, slash + path


def odd(path: str) -> str | None:
    """Return why a path might be read in two ways, or None.

    Object stores take `..` as a name, HTTP clients and file systems as the way up; and some
    decode what is percent-encoded before they look.
    """
    for spelled in (path, unquote(path), unquote(unquote(path))):
        if _CONTROL.search(spelled):
            return "it holds a control character"
        if any(part in ("..", ".") for part in re.split(r"[/\\]", spelled)):
            return "it holds `.` or `..` as a step"
    return None


def foreign(table: TableName | str, what: str, uri: str, problem: str) -> UnsupportedError:
    """Return the refusal of a place."""
    text = uri if len(uri) <= _SHOWN else f"{uri[:_SHOWN]}..."
    return UnsupportedError(
        f"table {table}: {what} is {text!r}: {problem}",
        code="foreign-place",
        hint="only files in the storage that the table itself is read from are opened; whoever "
        "writes the table must keep them there",
    )


def _scheme_text(scheme: str) -> str:
    return "a local file" if scheme == "file" else f"of the scheme {scheme!r}"
