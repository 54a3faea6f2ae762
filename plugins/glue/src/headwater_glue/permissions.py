"""What a plan must be allowed to do, exactly: Glue's ARNs, S3's prefixes, and why.

Source: AWS Service Authorization Reference, "AWS Glue" and "Amazon S3"; Glue Developer Guide,
"Specifying AWS Glue resource ARNs" (a table's calls need its catalog and its database too).
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from headwater.auth.credentials import Permission
from headwater.interfaces.plan import Plan
from headwater.sql.parser import parse
from headwater.tables.relation import FileRelation, Relation
from headwater.tables.table import TableName
from headwater_aws.permissions import arn_partition, storage_permissions


@dataclass(frozen=True, slots=True)
class Owner:
    """Whose catalog a table lies in, as ARNs say it.

    Args:
        account: Twelve digits.
        region: The catalog's region; `*` where it is not known.
    """

    account: str
    region: str

    @property
    def partition(self) -> str:
        """The part of the world, as ARNs name it: `aws`, `aws-cn`, `aws-us-gov`."""
        return arn_partition(self.region)

    def glue(self, *path: str) -> str:
        """Return the ARN of something in the catalog, e.g. `table`, `db`, `name`."""
        return f"arn:{self.partition}:glue:{self.region}:{self.account}:{'/'.join(path)}"

    def table(self, name: TableName) -> str:
        """Return the ARN of a table in the catalog."""
        return self.glue("table", name.database.lower(), name.name.lower())

    def of(self, name: TableName) -> Owner:
        """Return whose catalog a name means: another account's, where it says one."""
        if name.catalog is None or not re.fullmatch("[0-9]{12}", name.catalog):
            return self
        return Owner(name.catalog, self.region if name.catalog == self.account else "*")


def plan_permissions(
    plan: Plan, *, owner: Owner, auth_ref: str, database: str
) -> Iterator[Permission]:
    """Yield what one identity must be allowed to do for a plan.

    Args:
        plan: The plan.
        owner: Whose catalog its tables are looked up in.
        auth_ref: The identity; what others read is left out.
        database: Database of the tables that the query names without one.
    """
    relations = [s.relation for s in plan.scans if s.relation.auth_ref == auth_ref]
    read = [s.table for s in plan.scans if s.relation in relations]
    tables = {_folded(t) for t in read}
    named = parse(plan.query, database=database).table_names
    views = [n for n in named if _folded(n) not in tables]
    yield from glue_permissions(owner, read, views, relations)
    yield from storage_permissions(owner.partition, relations)


def glue_permissions(
    owner: Owner,
    read: Sequence[TableName],
    views: Sequence[TableName],
    relations: Sequence[Relation],
) -> Iterator[Permission]:
    """Yield what looking tables and their partitions up needs.

    Args:
        owner: Whose catalog they are in.
        read: Tables that are read, as the query names them.
        views: What else the query names: views, which may stand on other views.
        relations: What is read; a name with a catalog is where a resource link leads.
    """
    tables = {*(owner.of(t).table(t) for t in (*read, *views))}
    tables |= {owner.of(r.name).table(r.name) for r in relations}
    tables |= {owner.of(v).table(TableName(v.database, "*", v.catalog)) for v in views}
    around = {
        arn
        for t in (*read, *views, *(r.name for r in relations))
        for arn in (owner.of(t).glue("catalog"), owner.of(t).glue("database", t.database))
    }
    if not tables:
        return
    own = {_folded(r.name) for r in relations if r.name.catalog is None}
    if any(_folded(t) not in own for t in read):
        # A table that is not where it was looked for may lie behind a link of its database.
        yield Permission("glue:GetDatabase", tuple(sorted(around)), reason="links of databases")
    yield Permission(
        "glue:GetTable",
        tuple(sorted(around | tables)),
        reason="columns and locations of the tables that the query names"
        + (", and of those under its views" if views else ""),
    )
    parted = [r for r in relations if isinstance(r, FileRelation) and r.partition_columns]
    if not parted:
        return
    listed = {owner.of(r.name).table(r.name) for r in parted}
    for action in ("glue:BatchGetPartition", "glue:GetPartitions"):
        yield Permission(action, tuple(sorted(around | listed)), reason="partitions to read")


def _folded(name: TableName) -> tuple[str, str]:
    return name.database.lower(), name.name.lower()
