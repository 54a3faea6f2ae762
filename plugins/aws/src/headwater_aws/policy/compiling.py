"""From connections to policies: what each identity needs, and who must trust it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol, runtime_checkable

from headwater.auth.credentials import Access, AuthStrategy, Permission, strategy_kind
from headwater.errors import AuthError, ConfigError, HeadwaterError, QueryError
from headwater.interfaces.plan import Plan, Scan, ScanEstimate
from headwater.tables.relation import FilePartition, FileRelation
from headwater_aws.auth.default import DefaultChain
from headwater_aws.policy.access import (
    ResourcePolicy,
    access_policy,
    sharing,
    size_note,
    standing,
)
from headwater_aws.policy.actions import all_problems
from headwater_aws.policy.keys import key_permissions
from headwater_aws.policy.roles import Bearer, Role, roles_of
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
        connections: Names of the connections.
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
    """Return the policies of all identities that connections use.

    Args:
        workspace: Whose connections they are.
        connections: The connections.
        looking: How to learn what they read.
        bearer: Whom roles should trust by token; None reads the tokens.

    Raises:
        HeadwaterError: If what they read can't be learned.
    """
    looking = looking or Looking()
    by_identity: dict[str, list[tuple[Connection, AuthStrategy]]] = {}
    for connection in connections:
        source = connection.source
        if isinstance(source, AwsSource):
            strategy = DefaultChain() if source.auth is None else source.auth
            by_identity.setdefault(source.auth_ref, []).append((connection, strategy))
    return tuple(
        _identity_policy(workspace, [c for c, _ in used], used[0][1], looking, bearer)
        for used in by_identity.values()
    )


def _identity_policy(
    workspace: Workspace,
    connections: Sequence[Connection],
    strategy: AuthStrategy,
    looking: Looking,
    bearer: Bearer | None,
) -> IdentityPolicy:
    roles = roles_of(strategy, bearer=bearer)
    account = roles[-1].account if roles else None
    wanted: list[Permission] = []
    notes: list[str] = []
    region = ""
    for connection in connections:
        source = _seen_by(connection.source, looking.identity)
        if looking.offline:
            own, region = _offline(source, looking.locations or {})
            wanted += own
        else:
            own, region, remarks = _online(workspace, connection, source, looking, account)
            wanted += own
            notes += remarks
    permissions = standing(wanted)
    access = access_policy(permissions)
    notes += all_problems(permissions)
    notes += [note] if (note := size_note(access)) else []
    if any(UNKNOWN_LOCATION.split("/")[2] in r for p in permissions for r in p.resources):
        notes.append("where the tables' files lie was not asked: fill in buckets and prefixes")
    return IdentityPolicy(
        identity=roles[-1].arn if roles else strategy_kind(strategy),
        connections=tuple(c.name for c in connections),
        roles=roles,
        permissions=permissions,
        access=access,
        shared=sharing(permissions, roles[-1].arn) if roles else (),
        notes=tuple(dict.fromkeys(notes)),
        region=region,
    )


def _online(
    workspace: Workspace,
    connection: Connection,
    source: DataSource,
    looking: Looking,
    account: str | None,
) -> tuple[list[Permission], str, list[str]]:
    """Ask the catalog and the storage what a connection reads."""
    from headwater.planning import planner
    from headwater.workspace.model import Purpose

    with source.access() as access:
        ref, session = _session(source, access)
        _same_account(session, looking.identity, account, source)
        bound = workspace.bind_query(source, access)
        if looking.window is None:
            plan = planner.plan_sql(connection.name, bound, access)
        else:
            fields = connection.purpose is not Purpose.ACTUALS
            mapped = planner.map_query(bound, connection.mapping, connection.schema, fields=fields)
            request = planner.Request(connection.name, looking.window)
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


def _seen_by(source: DataSource, identity: AuthStrategy | None) -> DataSource:
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
