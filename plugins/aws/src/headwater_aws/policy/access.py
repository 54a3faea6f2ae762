"""Access policies: what a role must be allowed to do for its connections, for good.

A plan asks for the partitions that it reads today. A role's policy must also fit tomorrow's, so
that prefixes are those of tables and not of partitions.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from headwater.auth.credentials import Permission
from headwater_aws.session_policies import statements

INLINE_LIMIT = 10_240
"""Characters, without white space, of all inline policies of a role together."""
MANAGED_LIMIT = 6_144
"""Likewise of one managed policy. Source: IAM User Guide, "IAM and AWS STS quotas"."""


@dataclass(frozen=True, slots=True)
class ResourcePolicy:
    """What the owner of a resource must allow, where that is another account than the role's.

    Args:
        what: What it is put on, e.g. `bucket lake`.
        when: When it is needed.
        how: How it is put there.
        document: The policy, or the statements to add to the one that is there.
    """

    what: str
    when: str
    how: str
    document: Mapping[str, Any]

    def to_dict(self) -> dict[str, Any]:
        """Return it as a JSON-ready dict."""
        return {"on": self.what, "when": self.when, "how": self.how, "policy": self.document}


def standing(
    permissions: Iterable[Permission], locations: Iterable[str] = ()
) -> tuple[Permission, ...]:
    """Return permissions that hold for tomorrow's partitions too.

    An S3 prefix below a table's location becomes the location; elsewhere it ends before its first
    `key=value` directory.

    Args:
        permissions: As sources ask for them.
        locations: The tables' own locations, `s3://bucket/prefix`.
    """
    roots = sorted(
        (f"{location.partition('://')[2].rstrip('/')}/" for location in locations if location),
        key=len,
    )
    standing_permissions: list[Permission] = []
    for wider in (_generalised(p, roots) for p in permissions):
        if wider not in standing_permissions:
            standing_permissions.append(wider)
    return tuple(standing_permissions)


def access_policy(permissions: Iterable[Permission]) -> dict[str, Any]:
    """Return the policy that allows permissions and nothing else.

    Args:
        permissions: What to allow.

    Returns:
        The policy, ready for `json.dumps`, the same for the same permissions.
    """
    return {"Version": "2012-10-17", "Statement": statements(permissions)}


def size_note(policy: Mapping[str, Any]) -> str | None:
    """Return what to know about a policy's size, or None if it fits everywhere."""
    size = len("".join(json.dumps(policy).split()))
    if size > INLINE_LIMIT:
        return (
            f"the access policy has {size} characters, and a role's inline policies may have "
            f"{INLINE_LIMIT} together: split it into managed policies of {MANAGED_LIMIT} each"
        )
    if size > MANAGED_LIMIT:
        return (
            f"the access policy has {size} characters: attach it inline, a managed policy may have "
            f"{MANAGED_LIMIT}"
        )
    return None


def sharing(permissions: Sequence[Permission], role_arn: str) -> tuple[ResourcePolicy, ...]:
    """Return what owners of other accounts' catalogs, buckets and keys must allow the role.

    Args:
        permissions: What the role is allowed by its own policy.
        role_arn: The role.

    Source: Glue Developer Guide, "Granting cross-account access"; S3 User Guide, "Bucket owner
        granting cross-account bucket permissions"; KMS Developer Guide, "Allowing users in other
        accounts to use a KMS key".
    """
    account = role_arn.split(":")[4]
    diagnostics = []
    for (kind, name), part in sorted(_by_owner(permissions).items()):
        if kind == "glue" and name != account:
            diagnostics.append(
                ResourcePolicy(
                    f"Glue catalog of account {name}",
                    "always: the catalog belongs to another account than the role",
                    f"in account {name}: `aws glue put-resource-policy --enable-hybrid TRUE "
                    "--policy-in-json file://policy.json`, or Glue console, Catalog settings",
                    _with_principal(part, role_arn),
                )
            )
        elif kind == "s3":
            diagnostics.append(
                ResourcePolicy(
                    f"bucket {name}",
                    f"if the bucket belongs to another account than {account}",
                    "S3 console, the bucket, Permissions, Bucket policy: add the statements; where "
                    "objects belong to their writers, the writers must share them too",
                    _with_principal(part, role_arn),
                )
            )
        elif kind == "kms":
            owner = name.split(":")[4]
            diagnostics.append(
                ResourcePolicy(
                    f"key {name}",
                    "if the key's policy does not leave access to IAM policies of its account"
                    if owner == account
                    else "always: the key belongs to another account than the role",
                    "KMS console, the key, Key policy: add the statements",
                    _with_principal([replace(p, resources=("*",)) for p in part], role_arn),
                )
            )
    return tuple(diagnostics)


def _by_owner(permissions: Iterable[Permission]) -> dict[tuple[str, str], list[Permission]]:
    """Return permissions by what a resource policy is put on: a catalog, a bucket, a key."""
    by_owner: dict[tuple[str, str], list[Permission]] = {}
    for permission in permissions:
        by_place: dict[tuple[str, str], list[str]] = {}
        for resource in permission.resources:
            _, _, service, _, account, *rest = [*resource.split(":", 5), *[""] * 5][:6]
            name = {"glue": account, "s3": rest[0].partition("/")[0], "kms": resource}.get(service)
            if name and name != "*":
                by_place.setdefault((service, name), []).append(resource)
        for place, resources in by_place.items():
            by_owner.setdefault(place, []).append(replace(permission, resources=tuple(resources)))
    return by_owner


def _generalised(permission: Permission, roots: Sequence[str]) -> Permission:
    resources = tuple(dict.fromkeys(_wider_arn(r, roots) for r in permission.resources))
    bucket = resources[0].partition(":s3:::")[2] if len(resources) == 1 else ""
    conditions = {
        operator: {
            key: _wider_prefixes(bucket, values, roots) if key == "s3:prefix" else values
            for key, values in keys.items()
        }
        for operator, keys in permission.conditions.items()
    }
    return replace(permission, resources=resources, conditions=conditions)


def _wider_arn(resource: str, roots: Sequence[str]) -> str:
    head, marker, place = resource.partition(":s3:::")
    if not marker or "/" not in place:
        return resource
    return f"{head}{marker}{_wider(place, roots)}"


def _wider_prefixes(bucket: str, values: Any, roots: Sequence[str]) -> list[str]:
    prefixes = [values] if isinstance(values, str) else list(values)
    wider = (_wider(f"{bucket}/{value}", roots).partition("/")[2] for value in prefixes)
    return sorted(set(wider))


def _wider(place: str, roots: Sequence[str]) -> str:
    """Return `bucket/directory/*` for the table that holds `bucket/directory/partition/*`."""
    path, star = place.rstrip("*"), place[len(place.rstrip("*")) :]
    for root in roots:
        if path.startswith(root):
            return root + star
    parts = path.split("/")
    keyed = next((i for i, part in enumerate(parts) if "=" in part), None)
    return place if keyed is None else "/".join([*parts[:keyed], ""]) + star


def _with_principal(permissions: Iterable[Permission], role_arn: str) -> dict[str, Any]:
    policy = access_policy(permissions)
    principal = {"Effect": "Allow", "Principal": {"AWS": role_arn}}
    return {**policy, "Statement": [{**principal, **s} for s in policy["Statement"]]}
