"""From connections to policies: what each identity needs, and who must trust it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Protocol, runtime_checkable

from headwater.auth.credentials import Access, AuthStrategy, Permission, strategy_kind
from headwater.errors import AuthError, ConfigError, HeadwaterError, QueryError
from headwater.interfaces.plan import Plan, Scan, ScanEstimate
from headwater.tables.relation import FilePartition, FileRelation
from headwater.windows import labels
from headwater_aws.auth.default import DefaultChain
from headwater_aws.auth.naming import auth_ref
from headwater_aws.policy.access import (
    ResourcePolicy,
    access_policy,
    sharing,
    size_note,
    standing,
)
from headwater_aws.policy.actions import all_problems
from headwater_aws.policy.keys import key_permissions
from headwater_aws.policy.roles import Bearer, Role, roles_of, together
from headwater_aws.session import AwsSession

if TYPE_CHECKING:
    from headwater.interfaces.data_source import DataSource
    from headwater.tables.window import Window
    from headwater.workspace.model import Connection
    from headwater.workspace.workspace import Workspace

UNKNOWN_LOCATION = "s3://REPLACE-WITH-BUCKET/REPLACE-WITH-PREFIX/"
"""Stands for a table's files where nobody was asked where they are."""


@runtime_checkable
class AwsSource(Protocol):
    """A data source that is reached by an AWS identity."""

    @property
    def auth(self) -> AuthStrategy | None:
        """How the identity is obtained; None leaves it to AWS's own variables."""
        ...

    @property
    def auth_ref(self) -> str:
        """Its name in plans."""
        ...


@runtime_checkable
class InCatalog(Protocol):
    """A data source whose tables lie in an account's catalog."""

    @property
    def catalog_id(self) -> str | None:
        """The account; None is the identity's own."""
        ...


@dataclass(frozen=True, slots=True)
class IdentityPolicy:
    """What one identity needs for the connections that use it.

    Args:
        identity: The role's ARN, or for what assumes no role its strategy's kind.
        connections: Names of the connections that it reads, as they are or for another's actuals.
        roles: The roles that are assumed, the one that reads last.
        permissions: What the last one must be allowed to do.
        access: The same, as its policy.
        shared: What owners in other accounts must allow.
        notes: What to know, one sentence each.
        region: Region of the catalog.
    """

    identity: str
    connections: tuple[str, ...]
    roles: tuple[Role, ...]
    permissions: tuple[Permission, ...]
    access: Mapping[str, Any]
    shared: tuple[ResourcePolicy, ...] = ()
    notes: tuple[str, ...] = ()
    region: str = ""

    def to_dict(self) -> dict[str, Any]:
        """Return it as a JSON-ready dict."""
        return {
            "identity": self.identity,
            "connections": list(self.connections),
            "roles": [
                {
                    "arn": role.arn,
                    "provider": role.provider,
                    "issuer": role.bearer and role.bearer.issuer,
                    "audience": role.bearer and role.bearer.audience,
                    "trust_policy": role.trust,
                    "assume_policy": access_policy(role.assumes) if role.assumes else None,
                }
                for role in self.roles
            ],
            "access_policy": self.access,
            "resource_policies": [one.to_dict() for one in self.shared],
            "notes": list(self.notes),
        }


@dataclass(frozen=True, slots=True)
class Looking:
    """How the compiler learns what the connections read.

    Args:
        identity: Who looks instead of each source's own identity, e.g. an administrator's profile.
        offline: Ask nobody: the query's names are all that is known.
        locations: Where tables' files lie, by table (`name` or `database.name`), for `offline`.
        window: Window whose partitions are looked at; None looks at all.
    """

    identity: AuthStrategy | None = None
    offline: bool = False
    locations: Mapping[str, str] | None = None
    window: Window | None = None


def compile_policies(
    workspace: Workspace,
    connections: Sequence[Connection],
    *,
    looking: Looking | None = None,
    bearer: Bearer | None = None,
) -> tuple[IdentityPolicy, ...]:
    """Return the policies of all identities that reads of connections use.

    Args:
        workspace: Whose connections they are.
        connections: The connections; what is joined to their rows (`Connection.parts`) is read too.
        looking: How to learn what they read.
        bearer: Whom roles should trust by token; None reads the tokens.

    Raises:
        HeadwaterError: If what they read can't be learned.
    """
    looking = looking or Looking()
    readers: dict[str, _Reader] = {}
    for connection in connections:
        for part in connection.parts:
            if isinstance(part.source, AwsSource):
                reader = _reader(part.source, bearer)
                reader_ = readers.setdefault(reader.name, reader)
                reader_.roles = together(reader_.roles, reader.roles)
                window = _window(looking.window, part, connection)
                reader_.parts[_Part(part, window)] = None
    return tuple(_identity_policy(workspace, reader, looking) for reader in readers.values())


@dataclass(frozen=True, slots=True)
class _Part:
    """A connection whose tables are read, and the window that its partitions are chosen by."""

    connection: Connection
    window: Window | None


@dataclass(slots=True)
class _Reader:
    """Who reads parts of connections: a role, whatever region or token it is used with.

    A role has one policy: two of them would each lack what the other grants.
    """

    name: str
    strategy: AuthStrategy
    roles: tuple[Role, ...]
    parts: dict[_Part, None] = field(default_factory=dict)


def _reader(source: AwsSource, bearer: Bearer | None) -> _Reader:
    strategy = DefaultChain() if source.auth is None else source.auth
    roles = roles_of(strategy, bearer=bearer)
    name = roles[-1].arn if roles else auth_ref(strategy, None, None)
    return _Reader(name, strategy, roles)


def _window(window: Window | None, part: Connection, connection: Connection) -> Window | None:
    """Return which of a part's rows a read of a window of a connection looks at."""
    if window is None or part is connection:
        return window
    timed = part.mapping.timestamp_column is not None
    return labels.stretch(window, datetime.now(UTC)) if timed else None


def _identity_policy(workspace: Workspace, reader: _Reader, looking: Looking) -> IdentityPolicy:
    roles, parts = reader.roles, reader.parts
    account = roles[-1].account if roles else None
    needed: list[Permission] = []
    notes: list[str] = []
    region = ""
    for part in parts:
        source = _with_identity(part.connection.source, looking.identity)
        if looking.offline:
            own, region = _offline(source, looking.locations or {})
            needed += own
        else:
            own, region, remarks = _online(workspace, part, source, looking, account)
            needed += own
            notes += remarks
    permissions = standing(needed)
    access = access_policy(permissions)
    notes += all_problems(permissions)
    notes += [note] if (note := size_note(access)) else []
    if any(UNKNOWN_LOCATION.split("/")[2] in r for p in permissions for r in p.resources):
        notes.append("where the tables' files lie was not asked: fill in buckets and prefixes")
    return IdentityPolicy(
        identity=roles[-1].arn if roles else strategy_kind(reader.strategy),
        connections=tuple(dict.fromkeys(part.connection.name for part in parts)),
        roles=roles,
        permissions=permissions,
        access=access,
        shared=sharing(permissions, roles[-1].arn) if roles else (),
        notes=tuple(dict.fromkeys(notes)),
        region=region,
    )


def _online(
    workspace: Workspace,
    part: _Part,
    source: DataSource,
    looking: Looking,
    account: str | None,
) -> tuple[list[Permission], str, list[str]]:
    """Ask the catalog and the storage what is read of a connection."""
    from headwater.planning import planner
    from headwater.workspace.model import Purpose

    connection, window = part.connection, part.window

    with source.access() as access:
        ref, session = _session(source, access)
        _same_account(session, looking.identity, account, source)
        bound = workspace.bind_query(source, access)
        if window is None:
            plan = planner.plan_sql(connection.name, bound, access)
        else:
            fields = connection.purpose is not Purpose.ACTUALS
            mapped = planner.map_query(bound, connection.mapping, connection.schema, fields=fields)
            request = planner.Request(connection.name, window)
            plan = planner.plan_query(request, mapped, access)
        catalog = source.catalog(access)
        locations = [catalog.table(scan.table).location or "" for scan in plan.scans]
        permissions = list(standing(source.permissions(plan), locations))
        try:
            permissions += key_permissions(plan, session, ref)
        except HeadwaterError as error:
            return permissions, session.region, [f"KMS keys were not looked for: {error.message}"]
    return permissions, session.region, []


def _offline(source: DataSource, locations: Mapping[str, str]) -> tuple[list[Permission], str]:
    """Take the query's tables for partitioned ones, and ask nobody."""
    from headwater.sql.parser import parse

    query = source.sql()
    parsed = parse(query, database=source.default_database, databases=source.allowed_databases)
    if not parsed.ok:
        raise QueryError("the query is refused", parsed.diagnostics)
    with source.access() as access:
        ref, session = _session(source, access)
        scans = []
        for number, name in enumerate(parsed.table_names):
            own = (f"{name.database}.{name.name}".lower(), name.name.lower())
            by_name = {k.lower(): v for k, v in locations.items()}
            location = next((by_name[k] for k in own if k in by_name), UNKNOWN_LOCATION)
            relation = FileRelation(
                name,
                (),
                partition_columns=("unknown",),
                partitions=(FilePartition(location=location),),
                auth_ref=ref,
            )
            scans.append(Scan(f"t{number}", name, relation, ScanEstimate(0, None, 0, 0)))
        plan = Plan("offline", "", query, tuple(scans), None, None, "", "")
        return list(source.permissions(plan)), session.region


def _session(source: DataSource, access: Access) -> tuple[str, AwsSession]:
    ref = source.auth_ref if isinstance(source, AwsSource) else ""
    session = access.session(ref)
    if not isinstance(session, AwsSession):
        raise ConfigError(f"the {source.kind} source is not reached by an AWS identity")
    return ref, session


def _with_identity(source: DataSource, identity: AuthStrategy | None) -> DataSource:
    return source if identity is None else source.model_copy(update={"auth": identity})


def _same_account(
    session: AwsSession, identity: AuthStrategy | None, account: str | None, source: DataSource
) -> None:
    """Refuse to look into another catalog than the role will see."""
    another = isinstance(source, InCatalog) and source.catalog_id
    if identity is None or account is None or another:
        return
    if session.account != account:
        raise AuthError(
            f"{session.identity().name} looks into account {session.account}, and the role reads "
            f"the catalog of its own account {account}",
            code="wrong-account",
            hint="look with an identity of the role's account, or give the source a catalog_id",
        )


def buckets_of(permissions: Iterable[Permission]) -> tuple[str, ...]:
    """Return the buckets that permissions name."""
    buckets = {
        r.partition(":s3:::")[2].partition("/")[0] for p in permissions for r in p.resources
    } - {""}
    return tuple(sorted(buckets))
