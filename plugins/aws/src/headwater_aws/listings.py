"""Listings: S3's answers to one operation, so that it lists no place twice.

What compares a plan with what is there now (`confirming`) never looks here.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable, Hashable, Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, Final, TypeVar, cast

from headwater.errors import AccessDeniedError
from headwater_aws.listing import (
    PAGE,
    S3Object,
    first_page,
    is_data,
    list_files,
    list_many,
    prefix_of,
    table_directory,
)

if TYPE_CHECKING:
    from headwater.auth.credentials import Access
    from headwater.auth.operation_cache import OperationCache
    from headwater_aws.session import AwsSession

_T = TypeVar("_T")
_OBJECT: Final = 500
"""Bytes that a listed object takes in memory, about."""


class Listings:
    """Lists for one operation, and keeps what was listed. Thread-safe.

    Where several directories of a table are wanted, a page of what lies above them is looked at
    first: a small table is listed whole by this one call, which tells its lake's markers too. A
    large one costs that call more, and its directories are listed as `list_many` lists them.

    Args:
        session: Who lists.
        cache: Keeps the answers.
        auth_ref: The session's name in it.
        page_size: Keys of the page that is looked at.
    """

    def __init__(
        self,
        session: AwsSession,
        cache: OperationCache,
        auth_ref: str,
        *,
        page_size: int = PAGE,
    ) -> None:
        self.session = session
        self.cache = cache
        self.auth_ref = auth_ref
        self._page_size = page_size

    @classmethod
    def of(cls, access: Access, auth_ref: str) -> Listings:
        """Return the listings of an operation.

        Args:
            access: The operation's identities.
            auth_ref: The one that lists.
        """
        session = cast("AwsSession", access.session(auth_ref))
        return cls(session, access.cache, auth_ref)

    def once(self, question: Hashable, ask: Callable[[], _T]) -> _T:
        """Return the answer to a `question` of this identity: `ask` is called the first time."""
        return self.cache.once((Listings, self.auth_ref, question), ask)

    def files(self, uris: Iterable[str]) -> dict[str, tuple[S3Object, ...]]:
        """Return the data files at each of many locations, as `list_many` does.

        Args:
            uris: Prefixes or objects.
        """
        distinct = list(dict.fromkeys(uris))
        by_uri = {uri: files for uri in distinct if (files := self._cached_files(uri)) is not None}
        lacking = [uri for uri in distinct if uri not in by_uri]
        if len(lacking) > 1:
            places = [prefix_of(uri) for uri in lacking]
            roots = dict.fromkeys((bucket, table_directory(prefix)) for bucket, prefix in places)
            if len(roots) < len(lacking):
                for bucket, root in roots:
                    self._look(bucket, root)
                by_uri |= {
                    uri: files for uri in lacking if (files := self._cached_files(uri)) is not None
                }
                lacking = [uri for uri in lacking if uri not in by_uri]
        for uri, files in (list_many(self.session, lacking) if lacking else {}).items():
            by_uri[uri] = files
            self._keep(("files", uri), files)
        return {uri: by_uri[uri] for uri in distinct}

    def some_files(self, uri: str) -> Iterator[S3Object]:
        """Yield the data files at one location, page by page where it is not known.

        Args:
            uri: A prefix, or an object.
        """
        listed = self._cached_files(uri)
        after = None
        files: list[S3Object] = []
        if listed is None and uri.endswith("/"):
            bucket, prefix = prefix_of(uri)
            page, more = self._page(bucket, prefix)
            if page and more:
                start = len(bucket) + 6
                files = [o for o in page if is_data(o.uri[start:], prefix, o.size)]
                yield from files
                after = page[-1].uri[start:]
            else:
                listed = self._cached_files(uri)
        if listed is not None:
            yield from listed
            return
        for file in list_files(self.session, uri, after=after):
            files.append(file)
            yield file
        self._keep(("files", uri), tuple(files))

    def whole(self, bucket: str, prefix: str) -> Sequence[str] | None:
        """Return all keys below a prefix, where they were listed; None where not.

        Args:
            bucket: The bucket.
            prefix: A directory, or empty.
        """
        for root in _ancestors(prefix):
            items = self._cached(("whole", bucket, root))
            if items is not None:
                return [
                    o.uri[len(bucket) + 6 :] for o in _with_prefix(items, f"s3://{bucket}/{prefix}")
                ]
        return None

    def refused(self, bucket: str, prefix: str) -> bool:
        """Return whether listing exactly this prefix was refused.

        Args:
            bucket: The bucket.
            prefix: The prefix.
        """
        return self._cached(("looked", bucket, prefix)) == "refused"

    def _cached_files(self, uri: str) -> tuple[S3Object, ...] | None:
        listed = self._cached(("files", uri))
        if listed is not None:
            return cast("tuple[S3Object, ...]", listed)
        bucket, prefix = prefix_of(uri)
        for root in _ancestors(prefix):
            items = self._cached(("whole", bucket, root))
            if items is None:
                continue
            start = len(bucket) + 6
            below = tuple(
                o
                for o in _with_prefix(items, f"s3://{bucket}/{prefix}")
                if is_data(o.uri[start:], prefix, o.size)
            )
            # A name without its slash may be an object itself, which is asked for.
            return below if below or uri.endswith("/") else None
        return None

    def _look(self, bucket: str, root: str) -> None:
        """List a directory whole, if one page holds it; once."""

        def ask() -> str:
            try:
                _, more = self._page(bucket, root)
            except AccessDeniedError:
                # A narrow policy may open each directory and not the one above them.
                return "refused"
            return "large" if more else "whole"

        self.once(("looked", bucket, root), ask)

    def _page(self, bucket: str, root: str) -> tuple[tuple[S3Object, ...], bool]:
        """Return the first objects below a directory, and whether there are more; asked once."""

        def ask() -> tuple[tuple[S3Object, ...], bool]:
            items, more = first_page(self.session, bucket, root, self._page_size)
            if not more:
                self._keep(("whole", bucket, root), items)
            return items, more

        key = (Listings, self.auth_ref, ("page", bucket, root))
        return self.cache.once(key, ask, lambda page: _OBJECT * (1 + len(page[0])))

    def _cached(self, question: Hashable) -> object:
        return self.cache.get((Listings, self.auth_ref, question))

    def _keep(self, question: Hashable, objects: Sequence[S3Object]) -> None:
        self.cache.keep((Listings, self.auth_ref, question), objects, _OBJECT * (1 + len(objects)))


def _ancestors(prefix: str) -> Iterator[str]:
    """Yield a directory and all above it."""
    yield prefix
    parts = prefix.rstrip("/").split("/")
    while parts:
        parts.pop()
        yield f"{'/'.join(parts)}/" if parts else ""


def _with_prefix(items: object, start: str) -> Iterator[S3Object]:
    """Yield the objects whose URIs begin so, out of those of a listing, which are in order."""
    objects = cast("Sequence[S3Object]", items)
    at = bisect_left(objects, start, key=lambda o: o.uri)
    while at < len(objects) and objects[at].uri.startswith(start):
        yield objects[at]
        at += 1
