"""Session policies: the least that a plan needs, within what STS takes.

A session policy holds at most 2,048 characters, and STS packs it by a rule that is not published.
So there is a row of policies, each wider than the one before: exact resources, then prefixes
joined in their parents, whole buckets, whole databases, and in the end only the actions.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from typing import Any, TypeAlias

from headwater.auth.credentials import Permission

LIMIT = 2048
"""Characters of a session policy. Source: STS API reference, AssumeRole, parameter Policy."""
_DEEPEST = 12
"""How often prefixes are joined in their parents before whole buckets are allowed."""


@dataclass(frozen=True, slots=True)
class SessionPolicy:
    """A policy that narrows a session.

    Args:
        document: JSON without spaces.
        collapsed: What it allows beyond the permissions asked for, one sentence each.
    """

    document: str
    collapsed: tuple[str, ...] = ()


class PolicyRow:
    """The policies of one narrowed session: the narrowest that STS has taken so far is in force.

    Args:
        policies: At least one, each wider than the last.
    """

    def __init__(self, policies: Iterable[SessionPolicy]) -> None:
        self._row = tuple(policies)
        self._at = 0

    @property
    def current(self) -> SessionPolicy:
        """The policy in force."""
        return self._row[self._at]

    def widen(self) -> bool:
        """Go on to the next policy, after STS called this one too large; False if there is none."""
        if self._at + 1 == len(self._row):
            return False
        self._at += 1
        return True


@dataclass(frozen=True, slots=True, order=True)
class _Grant:
    """One action on one resource, under at most one condition value (`a=b or a=c` is two)."""

    action: str
    resource: str
    operator: str = ""
    key: str = ""
    value: str = ""


_Widening: TypeAlias = Callable[[str], str]
"""Gives the wider form of a resource, or of an S3 prefix written as `s3:::bucket/prefix`."""


def session_policies(permissions: Iterable[Permission]) -> Iterator[SessionPolicy]:
    """Yield session policies for a set of permissions, the narrowest that fits first.

    Args:
        permissions: What has to be allowed.

    Yields:
        Policies within the limit, each wider than the last; the last limits only the actions.
    """
    grants = _grants(permissions)
    collapsed: list[str] = []
    document = _document(grants)
    if len(document) <= LIMIT:
        yield SessionPolicy(document)
    for step in (*[_join_prefixes] * _DEEPEST, _whole_buckets, _whole_databases, _actions_only):
        wider, remarks = step(grants)
        if wider == grants:
            continue
        grants = wider
        collapsed += remarks
        document = _document(grants)
        if len(document) <= LIMIT:
            yield SessionPolicy(document, tuple(collapsed))


def statements(permissions: Iterable[Permission]) -> list[dict[str, Any]]:
    """Return policy statements for permissions, joined where that allows nothing more.

    Args:
        permissions: What to allow.
    """
    return _statements(_grants(permissions))


def _grants(permissions: Iterable[Permission]) -> frozenset[_Grant]:
    grants = set()
    for permission in permissions:
        conditions = [
            (operator, key, value)
            for operator, keys in permission.conditions.items()
            for key, values in keys.items()
            for value in ([values] if isinstance(values, str) else values)
        ]
        if len({(operator, key) for operator, key, _ in conditions}) > 1:
            # Several keys must hold together; as separate grants one would be enough.
            opaque = json.dumps(dict(permission.conditions), sort_keys=True)
            conditions = [("", "", opaque)]
        for resource in permission.resources:
            grants |= {
                _Grant(permission.action, resource, *condition)
                for condition in conditions or [("", "", "")]
            }
    return frozenset(grants)


def _statements(grants: Iterable[_Grant]) -> list[dict[str, Any]]:
    values: dict[tuple[str, str, str, str], set[str]] = defaultdict(set)
    for g in grants:
        values[g.action, g.resource, g.operator, g.key].add(g.value)
    resources: dict[tuple[str, str], set[str]] = defaultdict(set)
    for (action, resource, operator, key), grant_values in values.items():
        joined = {operator: {key: _single_or_list(grant_values)}} if operator else None
        condition = json.dumps(joined) if joined else next(iter(grant_values))
        resources[action, condition].add(resource)
    actions: dict[tuple[tuple[str, ...], str], list[str]] = defaultdict(list)
    for (action, condition), names in resources.items():
        actions[tuple(sorted(names)), condition].append(action)
    result = []
    for (ordered, condition), allowed in sorted(actions.items()):
        statement: dict[str, Any] = {
            "Effect": "Allow",
            "Action": _single_or_list(allowed),
            "Resource": _single_or_list(ordered),
        }
        if condition:
            statement["Condition"] = json.loads(condition)
        result.append(statement)
    if not result:
        # A policy needs a statement; to be allowed nothing is one.
        return [{"Effect": "Deny", "Action": "*", "Resource": "*"}]
    return sorted(result, key=lambda s: json.dumps([s["Action"]]).replace("[", ""))


def _document(grants: Iterable[_Grant]) -> str:
    body = {"Version": "2012-10-17", "Statement": _statements(grants)}
    return json.dumps(body, separators=(",", ":"))


def _single_or_list(values: Iterable[str]) -> str | list[str]:
    ordered = sorted(values)
    return ordered[0] if len(ordered) == 1 else ordered


def _join_prefixes(grants: frozenset[_Grant]) -> tuple[frozenset[_Grant], list[str]]:
    """Replace prefixes that share a parent by the parent."""
    places = {p for g in grants if (p := _place(g)) is not None}
    siblings: dict[str, set[str]] = defaultdict(set)
    for place in places:
        if parent := _parent(place):
            siblings[parent].add(place)
    joined = {parent for parent, children in siblings.items() if len(children) > 1}
    if not joined:
        return grants, []
    remarks = [
        f"{len(siblings[parent])} prefixes under s3://{parent} are allowed as one"
        for parent in sorted(joined)
    ]

    def widen(place: str) -> str:
        parent = _parent(place)
        return parent if parent in joined else place

    return _widened(grants, widen), remarks


def _whole_buckets(grants: frozenset[_Grant]) -> tuple[frozenset[_Grant], list[str]]:
    buckets = sorted({p.partition("/")[0] for g in grants if (p := _place(g)) and _parent(p)})
    remarks = [f"all of s3://{bucket} is allowed" for bucket in buckets]
    return _widened(grants, lambda place: place.partition("/")[0] + "/"), remarks


def _whole_databases(grants: frozenset[_Grant]) -> tuple[frozenset[_Grant], list[str]]:
    """Allow all tables and functions of each database."""
    widened, remarks = set(), set()
    for g in grants:
        head, kind, name = _glue_parts(g.resource)
        if kind in ("table", "userDefinedFunction") and not name.endswith("/*"):
            database = name.partition("/")[0]
            remarks.add(f"all tables of the Glue database {database} are allowed")
            g = replace(g, resource=f"{head}:{kind}/{database}/*")
        widened.add(g)
    return frozenset(widened), sorted(remarks)


def _actions_only(grants: frozenset[_Grant]) -> tuple[frozenset[_Grant], list[str]]:
    actions = sorted({g.action for g in grants})
    return (
        frozenset(_Grant(action, "*") for action in actions),
        [f"only the actions are limited ({', '.join(actions)}), on whatever the role allows"],
    )


def _glue_parts(resource: str) -> tuple[str, str, str]:
    head, _, rest = resource.rpartition(":")
    if ":glue:" not in resource:
        return "", "", ""
    kind, _, name = rest.partition("/")
    return head, kind, name


def _place(grant: _Grant) -> str | None:
    """Return the `bucket/directory/` that a grant opens, or None where it opens none."""
    bucket, marker, rest = grant.resource.partition(":s3:::")
    if not marker:
        return None
    bucket, slash, path = rest.partition("/")
    if slash:
        return f"{bucket}/{path.rstrip('*')}" if path.rstrip("*").endswith("/") else None
    if grant.key == "s3:prefix":
        prefix = grant.value.rstrip("*")
        return f"{bucket}/{prefix}" if prefix.endswith("/") else None
    return None


def _parent(place: str) -> str | None:
    """Return the directory above, or None for a bucket."""
    parent = place.rstrip("/").rpartition("/")[0]
    return f"{parent}/" if parent else None


def _widened(grants: frozenset[_Grant], widen: _Widening) -> frozenset[_Grant]:
    widened = set()
    for g in grants:
        place = _place(g)
        wider = widen(place) if place is not None else None
        if place is None or wider is None or wider == place:
            widened.add(g)
        elif g.key == "s3:prefix":
            prefix = wider.partition("/")[2]
            # Listing with no prefix at all satisfies no condition on it: drop the condition.
            value = {"value": f"{prefix}*"} if prefix else {"operator": "", "key": "", "value": ""}
            widened.add(replace(g, **value))
        else:
            head = g.resource.partition(":s3:::")[0]
            widened.add(replace(g, resource=f"{head}:s3:::{wider}*"))
    return frozenset(widened)
