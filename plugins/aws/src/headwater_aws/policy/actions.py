"""Which kinds of resources each action is about: the part of AWS's own table that readers need.

Source: AWS Service Authorization Reference, "Actions, resources, and condition keys for" AWS Glue,
Amazon S3, AWS Key Management Service and AWS Security Token Service, as published in June 2026. A
required kind must be named in a policy, or the action is denied; Glue's `rootcatalog` is the ARN
that ends in `:catalog`.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from headwater.auth.credentials import Permission


@dataclass(frozen=True, slots=True)
class Action:
    """What AWS's table says of one action.

    Args:
        level: Access level: `List`, `Read`, `Write`, `Tagging`.
        required: Kinds of resources that must be named.
        optional: Kinds that may be named beside or instead.
        conditions: Condition keys of the action itself that are of use to a reader.
    """

    level: str
    required: tuple[str, ...] = ()
    optional: tuple[str, ...] = ()
    conditions: tuple[str, ...] = ()


_DATABASE = Action("Read", ("rootcatalog", "database"), ("catalog",))
_TABLE = Action("Read", ("rootcatalog", "database", "table"), ("catalog",))
_FUNCTION = Action("Read", ("rootcatalog", "database", "userdefinedfunction"), ("catalog",))
_CATALOG = Action("Read", ("rootcatalog",), ("catalog",))
_CONNECTION = Action("Read", ("rootcatalog", "connection"))
_OBJECT = Action("Read", (), ("object", "accesspointobject"), ("s3:ExistingObjectTag",))

ACTIONS: Mapping[str, Action] = {
    "glue:BatchGetPartition": _TABLE,
    "glue:CreateDatabase": Action("Write", ("rootcatalog", "database"), ("catalog",)),
    "glue:GetCatalog": _CATALOG,
    "glue:GetCatalogs": _CATALOG,
    "glue:GetConnection": _CONNECTION,
    "glue:GetConnections": _CONNECTION,
    "glue:GetDatabase": _DATABASE,
    "glue:GetDatabases": _DATABASE,
    "glue:GetPartition": _TABLE,
    "glue:GetPartitionIndexes": _TABLE,
    "glue:GetPartitions": _TABLE,
    "glue:GetTable": _TABLE,
    "glue:GetTableVersion": _TABLE,
    "glue:GetTableVersions": _TABLE,
    "glue:GetTables": _TABLE,
    "glue:GetUserDefinedFunction": _FUNCTION,
    "glue:GetUserDefinedFunctions": _FUNCTION,
    "glue:SearchTables": _TABLE,
    "kms:Decrypt": Action("Write", ("key",), (), ("kms:ViaService", "kms:CallerAccount")),
    "kms:DescribeKey": Action("Read", ("key",), (), ("kms:ViaService",)),
    "lakeformation:GetDataAccess": Action("Write"),
    "s3:GetBucketLocation": Action("Read", (), ("bucket", "accesspoint")),
    "s3:GetEncryptionConfiguration": Action("Read", ("bucket",)),
    "s3:GetObject": _OBJECT,
    "s3:GetObjectVersion": _OBJECT,
    "s3:ListBucket": Action(
        "List", (), ("bucket", "accesspoint"), ("s3:prefix", "s3:delimiter", "s3:max-keys")
    ),
    "sts:AssumeRole": Action("Write", ("role",), (), ("sts:ExternalId", "sts:RoleSessionName")),
    "sts:AssumeRoleWithWebIdentity": Action("Write", ("role",)),
    "sts:GetCallerIdentity": Action("Read"),
    "sts:SetSourceIdentity": Action("Write", (), ("role",), ("sts:SourceIdentity",)),
    "sts:TagSession": Action("Tagging", (), ("role",), ("aws:TagKeys",)),
}
"""Actions that sources ask for, and those that the seed's policy grants beside."""

_ARNS: Mapping[str, str] = {
    "rootcatalog": r"arn:[^:]+:glue:[^:]*:[^:]*:catalog",
    "catalog": r"arn:[^:]+:glue:[^:]*:[^:]*:catalog/.+",
    "database": r"arn:[^:]+:glue:[^:]*:[^:]*:database/.+",
    "table": r"arn:[^:]+:glue:[^:]*:[^:]*:table/.+",
    "userdefinedfunction": r"arn:[^:]+:glue:[^:]*:[^:]*:userDefinedFunction/.+",
    "connection": r"arn:[^:]+:glue:[^:]*:[^:]*:connection/.+",
    "bucket": r"arn:[^:]+:s3:::[^/]+",
    "object": r"arn:[^:]+:s3:::[^/]+/.*",
    "accesspoint": r"arn:[^:]+:s3:[^:]+:\d*:accesspoint/[^/]+",
    "accesspointobject": r"arn:[^:]+:s3:[^:]+:\d*:accesspoint/[^/]+/object/.*",
    "key": r"arn:[^:]+:kms:[^:]*:[^:]*:key/.+",
    "role": r"arn:[^:]+:iam::[^:]*:role/.+",
}


def kind_of(resource: str) -> str | None:
    """Return the kind of resource that an ARN (perhaps with wildcards) names, or None."""
    return next((k for k, pattern in _ARNS.items() if re.fullmatch(pattern, resource)), None)


def problems(permission: Permission) -> tuple[str, ...]:
    """Return what AWS would make of a permission that its author did not mean.

    Args:
        permission: As a source asked for it.

    Returns:
        One sentence for each resource that the action is not about, and for each that it lacks;
        nothing about actions that are not in the table.
    """
    action = ACTIONS.get(permission.action)
    if action is None or permission.resources == ("*",):
        return ()
    kinds_of = [(r, kind_of(r)) for r in permission.resources]
    accepted = {*action.required, *action.optional}
    unknown = [
        f"{permission.action} is not about {resource}"
        for resource, k in kinds_of
        if k not in accepted
    ]
    kinds = {k for _, k in kinds_of}
    lacking = [
        f"{permission.action} needs a {kind} too" for kind in action.required if kind not in kinds
    ]
    return (*unknown, *lacking)


def all_problems(permissions: Iterable[Permission]) -> tuple[str, ...]:
    """Return the problems of permissions taken together, action by action.

    AWS looks at all statements: one may name an action's catalog, another its table.
    """
    resources: dict[str, set[str]] = {}
    for permission in permissions:
        resources.setdefault(permission.action, set()).update(permission.resources)
    return tuple(
        problem
        for action, named in sorted(resources.items())
        for problem in problems(Permission(action, tuple(sorted(named))))
    )
