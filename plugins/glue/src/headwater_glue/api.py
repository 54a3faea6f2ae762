"""Glue's calls: pages, segments, batches, and refusals explained to a person.

Source: AWS Glue API reference (page sizes and limits of each operation).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager
from contextvars import copy_context
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from headwater.errors import AccessDeniedError
from headwater_aws.errors import code_of, translating

if TYPE_CHECKING:
    from headwater_aws.session import AwsSession
    from headwater_glue.answers import Answers

SEGMENTS: Final = 10
"""Most segments of a table whose partitions Glue lists side by side."""
_BATCH: Final = 1000
_PAGE: Final = 100
_THREADS: Final = 8

Raw = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Place:
    """Which of Glue's catalogs is meant.

    Args:
        catalog_id: Account or catalog; None is the caller's own account.
        region: None is the session's own.
    """

    catalog_id: str | None = None
    region: str | None = None

    def __str__(self) -> str:
        whose = f"catalog {self.catalog_id}" if self.catalog_id else "the caller's own catalog"
        return f"{whose} in {self.region}" if self.region else whose


class GlueApi:
    """Glue's calls on one catalog. Thread-safe.

    What is not there is None or an empty list; the catalog decides what that means.

    Args:
        session: Who calls.
        place: Which catalog.
        answers: Keeps tables' entries on disk; None if nothing is kept.
    """

    def __init__(self, session: AwsSession, place: Place, answers: Answers | None = None) -> None:
        self._session = session
        self._answers = answers
        self.place = Place(place.catalog_id, place.region or session.region)

    def database(self, name: str) -> Raw | None:
        """Return a database, or None if there is none of that name."""
        return self._get("Database", f"find the database {name}", "get_database", Name=name)

    def table(self, database: str, name: str) -> Raw | None:
        """Return a table, or None if there is none of that name (or no such database)."""
        doing = f"describe the table {database}.{name}"

        def ask() -> Raw | None:
            return self._get("Table", doing, "get_table", DatabaseName=database, Name=name)

        if self._answers is None:
            return ask()
        return self._answers.table(self.place, database, name, ask)

    def database_names(self) -> Iterator[str]:
        """Yield the names of the databases, page by page."""
        pages = self._pages("list the databases", "get_databases", AttributesToGet=["NAME"])
        for page in pages:
            yield from (d["Name"] for d in page["DatabaseList"])

    def table_names(self, database: str) -> Iterator[str]:
        """Yield the names of a database's tables, page by page; asks for nothing but names."""
        doing = f"list the tables of {database}"
        for page in self._pages(
            doing, "get_tables", DatabaseName=database, AttributesToGet=["NAME"]
        ):
            yield from (t["Name"] for t in page["TableList"])

    def table_pages(self, database: str, first: int = _PAGE) -> Iterator[Sequence[Raw]]:
        """Yield a database's tables with all that Glue holds of them, page by page.

        Args:
            database: Its name.
            first: Tables of the first page: a smaller one is sooner there.
        """
        doing = f"list the tables of {database}"
        arguments: dict[str, Any] = {"DatabaseName": database}
        page = self._call(doing, "get_tables", **arguments, MaxResults=first)
        yield page["TableList"]
        while token := page.get("NextToken"):
            page = self._call(doing, "get_tables", **arguments, MaxResults=_PAGE, NextToken=token)
            yield page["TableList"]

    def partitions(
        self, database: str, table: str, expression: str = "", *, columns: bool = False
    ) -> Iterator[Raw]:
        """Yield the registered partitions of a table.

        What fits on one page is one call; the rest is listed in segments, side by side.

        Args:
            database: The table's database.
            table: Its name.
            expression: Which partitions; empty for all.
            columns: Whether to give the partitions' own columns, the bulk of the answer.
        """
        arguments: dict[str, Any] = {"DatabaseName": database, "TableName": table}
        if not columns:
            arguments["ExcludeColumnSchema"] = True
        if expression:
            arguments["Expression"] = expression
        doing = f"list the partitions of {database}.{table}"
        first = self._call(doing, "get_partitions", **arguments, MaxResults=_BATCH)
        if not first.get("NextToken"):
            yield from first["Partitions"]
            return
        # A page token holds for its own segment: the first page is asked for once more.
        with ThreadPoolExecutor(SEGMENTS, thread_name_prefix="headwater-glue") as pool:
            segments = [
                pool.submit(copy_context().run, self._segment, doing, arguments, number)
                for number in range(SEGMENTS)
            ]
            try:
                for segment in segments:
                    yield from segment.result()
            finally:
                for segment in segments:
                    segment.cancel()

    def some_partitions(
        self, database: str, table: str, expression: str, at_most: int, *, columns: bool = False
    ) -> list[Raw]:
        """Return the first `at_most` partitions of a table, page by page; see `partitions`."""
        arguments: dict[str, Any] = {"Expression": expression} if expression else {}
        if not columns:
            arguments["ExcludeColumnSchema"] = True
        partitions: list[Raw] = []
        for page in self._pages(
            f"list the partitions of {database}.{table}",
            "get_partitions",
            DatabaseName=database,
            TableName=table,
            MaxResults=min(at_most, _BATCH),
            **arguments,
        ):
            partitions += page["Partitions"]
            if len(partitions) >= at_most:
                break
        return partitions[:at_most]

    def count_partitions(self, database: str, table: str, at_most: int) -> int | None:
        """Return how many partitions are registered, or None if they are more than `at_most`."""
        doing = f"count the partitions of {database}.{table}"
        count = 0
        for page in self._pages(
            doing,
            "get_partitions",
            DatabaseName=database,
            TableName=table,
            ExcludeColumnSchema=True,
            MaxResults=_BATCH,
        ):
            count += len(page["Partitions"])
            if count > at_most:
                return None
        return count

    def partitions_of(
        self, database: str, table: str, values: Sequence[tuple[str, ...]]
    ) -> list[Raw]:
        """Return the partitions with these values, columns included; missing ones are left out."""
        doing = f"describe the partitions of {database}.{table}"
        batches = [values[i : i + _BATCH] for i in range(0, len(values), _BATCH)]
        with ThreadPoolExecutor(_THREADS, thread_name_prefix="headwater-glue") as pool:
            try:
                answers = pool.map(lambda some: self.batch(database, table, some), batches)
                return [p for batch in answers for p in batch]
            except AccessDeniedError as denied:
                # Policies that were written for Spark often allow one and not the other.
                ones = pool.map(lambda one: self._partition(doing, database, table, one), values)
                try:
                    return [p for p in ones if p is not None]
                except AccessDeniedError:
                    # It is the first that the policy should allow: one call for a thousand.
                    raise denied from denied.__cause__

    def batch(self, database: str, table: str, values: Sequence[tuple[str, ...]]) -> list[Raw]:
        """Return the partitions with these values, a thousand at most, asked for at once."""
        doing = f"describe the partitions of {database}.{table}"
        left: Sequence[Raw] = [{"Values": list(v)} for v in values]
        partitions: list[Raw] = []
        while left:
            answer = self._call(
                doing,
                "batch_get_partition",
                DatabaseName=database,
                TableName=table,
                PartitionsToGet=left,
            )
            partitions += answer["Partitions"]
            unprocessed = answer.get("UnprocessedKeys") or []
            if len(unprocessed) == len(left):
                # No progress: leave the rest to single calls rather than ask for ever.
                singles = (self._partition(doing, database, table, k["Values"]) for k in left)
                return partitions + [p for p in singles if p is not None]
            left = unprocessed
        return partitions

    def _segment(self, doing: str, arguments: Raw, number: int) -> list[Raw]:
        segment = {"SegmentNumber": number, "TotalSegments": SEGMENTS}
        pages = self._pages(
            doing, "get_partitions", **arguments, Segment=segment, MaxResults=_BATCH
        )
        return [p for page in pages for p in page["Partitions"]]

    def _partition(
        self, doing: str, database: str, table: str, values: Sequence[str]
    ) -> Raw | None:
        return self._get(
            "Partition",
            doing,
            "get_partition",
            DatabaseName=database,
            TableName=table,
            PartitionValues=list(values),
        )

    def _get(self, key: str, doing: str, operation: str, **arguments: Any) -> Raw | None:
        from botocore.exceptions import ClientError

        with self._translating(doing, arguments):
            try:
                answer: Raw = getattr(self._client, operation)(
                    **self._catalog_argument, **arguments
                )
            except ClientError as error:
                if code_of(error) == "EntityNotFoundException":
                    return None
                raise
        entry: Raw = answer[key]
        return entry

    def _pages(self, doing: str, operation: str, **arguments: Any) -> Iterator[Raw]:
        token: str | None = None
        while True:
            page = self._call(
                doing, operation, **arguments, **({"NextToken": token} if token else {})
            )
            yield page
            token = page.get("NextToken")
            if not token:
                return

    def _call(self, doing: str, operation: str, **arguments: Any) -> Raw:
        with self._translating(doing, arguments):
            answer: Raw = getattr(self._client, operation)(**self._catalog_argument, **arguments)
        return answer

    def _translating(self, doing: str, arguments: Raw) -> AbstractContextManager[None]:
        """Explain what is refused, with all that a policy must name to allow it.

        Source: Glue Developer Guide, "Specifying AWS Glue resource ARNs": a table's calls need its
        catalog and its database too, and AWS names the first of them that lacks.
        """
        database = arguments.get("DatabaseName") or arguments.get("Name")
        table = arguments.get("TableName") or (
            arguments.get("Name") if "DatabaseName" in arguments else None
        )
        paths = ["catalog"]
        if database:
            paths.append(f"database/{database}")
        if table:
            paths.append(f"table/{database}/{table}")
        return translating(
            doing=f"{doing} in {self.place}", session=self._session, beside=tuple(paths)
        )

    @property
    def _client(self) -> Any:
        return self._session.client("glue", self.place.region)

    @property
    def _catalog_argument(self) -> dict[str, str]:
        return {"CatalogId": self.place.catalog_id} if self.place.catalog_id else {}
