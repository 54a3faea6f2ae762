"""Which resources does a Glue call touch? All of them must be allowed.

Source: "Actions, resources, and condition keys for AWS Glue", Service Authorization Reference.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any

from headwater_aws.emulator.errors import AwsError

Params = dict[str, Any]

_DATABASE = ("catalog", "database")
_TABLE = ("catalog", "database", "table")
_FUNCTION = ("catalog", "database", "userDefinedFunction")

#: Kinds of resource that each action must be allowed on. GetDatabases, GetTables and SearchTables
#: list only what is allowed, so the last kind is judged entry by entry.
RESOURCES: Mapping[str, tuple[str, ...]] = {
    **dict.fromkeys(
        ("CreateDatabase", "GetDatabase", "UpdateDatabase", "DeleteDatabase"), _DATABASE
    ),
    "GetDatabases": ("catalog",),
    "GetTables": _DATABASE,
    "SearchTables": ("catalog",),
    **dict.fromkeys(
        (
            "BatchCreatePartition",
            "BatchDeletePartition",
            "BatchDeleteTable",
            "BatchGetPartition",
            "BatchUpdatePartition",
            "CreatePartition",
            "CreateTable",
            "DeletePartition",
            "DeleteTable",
            "GetPartition",
            "GetPartitions",
            "GetTable",
            "GetTableVersion",
            "GetTableVersions",
            "UpdatePartition",
            "UpdateTable",
        ),
        _TABLE,
    ),
    **dict.fromkeys(
        (
            "CreateUserDefinedFunction",
            "DeleteUserDefinedFunction",
            "GetUserDefinedFunction",
            "GetUserDefinedFunctions",
        ),
        _FUNCTION,
    ),
    "GetResourcePolicy": ("catalog",),
    "PutResourcePolicy": ("catalog",),
    "DeleteResourcePolicy": ("catalog",),
}


def normalise(params: Params) -> Params:
    """Fold the names of databases and tables to lower case, as Glue does.

    Args:
        params: Input of a call; not changed.

    Returns:
        The input with folded names.
    """
    folded = json.loads(json.dumps(params))
    for name in ("DatabaseName", "TableName", "Name"):
        if isinstance(folded.get(name), str):
            folded[name] = folded[name].lower()
    for holder in ("DatabaseInput", "TableInput"):
        if isinstance(folded.get(holder), dict) and "Name" in folded[holder]:
            folded[holder]["Name"] = folded[holder]["Name"].lower()
    if "TablesToDelete" in folded:
        folded["TablesToDelete"] = [name.lower() for name in folded["TablesToDelete"]]
    return folded  # type: ignore[no-any-return]  # json.loads


def arn(account_id: str, region: str, kind: str, *names: str) -> str:
    """Write an ARN of the catalog.

    Args:
        account_id: Account of the catalog.
        region: Its region.
        kind: `catalog`, `database`, `table` or `userDefinedFunction`.
        *names: Database, and then table or function.

    Returns:
        The ARN.
    """
    return f"arn:aws:glue:{region}:{account_id}:" + "/".join((kind, *names))


def owner(params: Params, caller: str) -> str:
    """Account whose catalog a call means.

    Args:
        params: Input of the call.
        caller: Account of the caller, the default.

    Returns:
        The account id.

    Raises:
        AwsError: `EntityNotFoundException`, for a catalog that is not an account's own.
    """
    catalog = str(params.get("CatalogId") or caller)
    if not re.fullmatch(r"\d{12}", catalog):
        raise AwsError("EntityNotFoundException", f"Catalog {catalog} not found.")
    return catalog


def resources(action: str, params: Params, account_id: str, region: str) -> tuple[str, ...]:
    """ARNs on which an action must be allowed, the widest first.

    Args:
        action: Such as `GetTable`.
        params: Its input, names folded.
        account_id: Account of the catalog.
        region: Its region.

    Returns:
        The ARNs; `*` alone for an action that knows no resources.
    """
    kinds = RESOURCES.get(action)
    if kinds is None:
        return ("*",)
    own = {"database": "Name"}.get(kinds[-1])
    database = params.get("DatabaseName") or (
        params.get("DatabaseInput", params).get("Name") if own else None
    )
    tables = params.get("TablesToDelete") or [
        params.get("TableName")
        or params.get("TableInput", {}).get("Name")
        or params.get("Name")
        or "*"
    ]
    function = params.get("FunctionName") or params.get("FunctionInput", {}).get("FunctionName")
    arns: list[str] = []
    for kind in kinds:
        if kind == "catalog":
            arns.append(arn(account_id, region, kind))
        elif kind == "database":
            arns.append(arn(account_id, region, kind, database or "*"))
        elif kind == "table":
            arns += [arn(account_id, region, kind, database or "*", table) for table in tables]
        else:
            arns.append(arn(account_id, region, kind, database or "*", function or "*"))
    return tuple(arns)
