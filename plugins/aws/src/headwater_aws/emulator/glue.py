"""The Glue catalog where moto is kinder than AWS: pages, segments, attributes, catalogs, names.

Reads are answered here from moto's models; everything else goes to moto with its names in lower
case, as Glue stores them.

Source: Glue API reference (limits, errors); Glue Developer Guide, "Specifying AWS Glue resource
ARNs" and "Identity-based policy examples" (GetTables lists only the tables that are allowed).
"""

from __future__ import annotations

import base64
import hashlib
import json
import zlib
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from functools import cached_property
from typing import Any

from moto.core.exceptions import JsonRESTError

from headwater_aws.emulator import backend, glue_arns
from headwater_aws.emulator.errors import JSON, AwsError
from headwater_aws.emulator.glue_expressions import for_moto, name_pattern
from headwater_aws.emulator.identities import Principal
from headwater_aws.emulator.lake_formation import Grant, Place
from headwater_aws.emulator.state import State
from headwater_aws.emulator.wire import Request, Response

Params = dict[str, Any]
Permits = Callable[[str], bool]

PAGE = {
    "GetTables": 100,
    "GetDatabases": 100,
    "GetPartitions": 1000,
    "SearchTables": 1000,
    "GetUserDefinedFunctions": 100,
    "GetTableVersions": 100,
}
MAX_SEGMENTS, MAX_BATCH, MAX_EXPRESSION = 10, 1000, 2048


class Glue:
    """Glue of one emulator.

    Args:
        state: Where the catalogs are.
    """

    def __init__(self, state: State) -> None:
        self._state = state
        self._reads: Mapping[str, Callable[[_Call], Params]] = {
            "GetDatabase": _get_database,
            "GetDatabases": _get_databases,
            "GetTable": _get_table,
            "GetTables": _get_tables,
            "SearchTables": _search_tables,
            "GetTableVersions": _get_table_versions,
            "GetPartition": _get_partition,
            "GetPartitions": _get_partitions,
            "BatchGetPartition": _batch_get_partition,
            "CreateUserDefinedFunction": _create_function,
            "DeleteUserDefinedFunction": _delete_function,
            "GetUserDefinedFunction": _get_function,
            "GetUserDefinedFunctions": _get_functions,
        }

    def call(
        self,
        request: Request,
        action: str,
        params: Params,
        account_id: str,
        region: str,
        caller: Principal,
        permits: Permits,
        keep: int | None,
    ) -> Response:
        """Answer one call. The caller holds the state's lock.

        Args:
            request: The request.
            action: Such as `GetTables`.
            params: Its input, names in lower case; see `normalise`.
            account_id: Account of the catalog.
            region: Region of the catalog.
            caller: Who calls.
            permits: Whether the caller may perform this action on an ARN.
            keep: Answer only this many items of a batch; None for all.

        Returns:
            The response.

        Raises:
            AwsError: With Glue's code and message.
        """
        read = self._reads.get(action)
        if read is None:
            body = json.dumps(params).encode()
            catalog = self._state.glue(account_id, region)
            return backend.glue(request, catalog, body)
        try:
            call = _Call(self._state, action, params, account_id, region, caller, permits, keep)
            result = read(call)
        except JsonRESTError as error:
            raise AwsError(error.error_type, error.message) from error
        return Response(200, {"content-type": JSON}, json.dumps(result, default=_seconds).encode())


class _Input(dict[str, Any]):
    """Input of a call; a required member that is missing is refused as Glue does."""

    def __missing__(self, name: str) -> Any:
        member = name[0].lower() + name[1:]
        raise AwsError(
            "ValidationException",
            f"1 validation error detected: Value null at '{member}' failed to satisfy constraint: "
            "Member must not be null",
        )


class _Call:
    """One read, with what every handler needs."""

    def __init__(
        self,
        state: State,
        action: str,
        params: Params,
        account_id: str,
        region: str,
        caller: Principal,
        permits: Permits,
        keep: int | None,
    ) -> None:
        self.params = _Input(params)
        self.caller = caller
        self.permits = permits
        self.keep = keep
        self.action = action
        self.account_id = account_id
        self.region = region
        self.catalog = state.glue(account_id, region)
        self.state = state

    @cached_property
    def table(self) -> Any:
        """The table that the call names."""
        name = self.params.get("TableName") or self.params["Name"]
        return self.catalog.get_table(self.params["DatabaseName"], name)

    @cached_property
    def granted(self) -> Grant:
        """What Lake Formation shows of that table; refused if it is nothing."""
        return self.state.lake_formation.require(self._place(self.table), self.caller)

    def shows(self, table: Any) -> bool:
        """Whether a list of tables may have this one."""
        arn = self.arn("table", table.database_name, table.name)
        return self.permits(arn) and self.grant(table) is not None

    def grant(self, table: Any) -> Grant | None:
        """What Lake Formation shows of a table to the caller; None for nothing."""
        return self.state.lake_formation.grant(self._place(table), self.caller)

    def _place(self, table: Any) -> Place:
        return self.account_id, self.region, table.database_name, table.name

    def arn(self, kind: str, *names: str) -> str:
        """ARN of something in this catalog."""
        return glue_arns.arn(self.account_id, self.region, kind, *names)

    def functions(self, database: str) -> dict[str, Params]:
        """User-defined functions of a database of this catalog."""
        self.catalog.get_database(database)
        return self.state.functions.setdefault((self.account_id, self.region, database), {})

    def page(
        self, items: Sequence[Any], key: str, is_visible: Callable[[Any], bool] | None = None
    ) -> Params:
        """Cut one page from a list by MaxResults and NextToken, leaving out what is not shown."""
        most = PAGE[self.action]
        size = self.params.get("MaxResults", most)
        if size < 1 or size > most:
            bound = "greater than or equal to 1" if size < 1 else f"less than or equal to {most}"
            raise constraint(size, "maxResults", f"value {bound}")
        question = {k: v for k, v in self.params.items() if k not in ("NextToken", "MaxResults")}
        text = json.dumps([self.action, self.account_id, question], sort_keys=True)
        mark = hashlib.sha256(text.encode()).hexdigest()[:16]
        start = _resume(self.params["NextToken"], mark) if self.params.get("NextToken") else 0
        result: Params = {key: []}
        for at in range(start, len(items)):
            if is_visible is not None and not is_visible(items[at]):
                continue
            if len(result[key]) == size:
                result["NextToken"] = base64.b64encode(f"{mark}:{at}".encode()).decode()
                break
            result[key].append(items[at])
        return result


def _resume(token: str, mark: str) -> int:
    try:
        own_mark, _, offset = base64.b64decode(token, validate=True).decode().partition(":")
        if own_mark == mark:
            return int(offset)
    except ValueError:
        pass
    raise AwsError("InvalidInputException", "Invalid NextToken: it belongs to another request")


def constraint(value: object, name: str, rule: str) -> AwsError:
    """Put the breach of a limit in Glue's words."""
    return AwsError(
        "ValidationException",
        f"1 validation error detected: Value '{value}' at '{name}' failed to satisfy constraint: "
        f"Member must have {rule}",
    )


def _get_database(call: _Call) -> Params:
    return {"Database": _clean(call.catalog.get_database(call.params["Name"]).as_dict())}


def _get_databases(call: _Call) -> Params:
    attributes = _attributes(call, {"NAME": "Name", "TARGET_DATABASE": "TargetDatabase"})
    page = call.page(
        sorted(call.catalog.get_databases(), key=lambda one: one.name),
        "DatabaseList",
        lambda one: call.permits(call.arn("database", one.name)),
    )
    page["DatabaseList"] = [
        _with_attributes(_clean(one.as_dict()), attributes) for one in page["DatabaseList"]
    ]
    return page


def _get_table(call: _Call) -> Params:
    return {"Table": _table(call.table, call.granted)}


def _get_tables(call: _Call) -> Params:
    database = call.params["DatabaseName"]
    expression = call.params.get("Expression")
    if expression is not None and len(expression) > MAX_EXPRESSION:
        raise constraint(expression, "expression", f"length less than or equal to {MAX_EXPRESSION}")
    attributes = _attributes(call, {"NAME": "Name", "TABLE_TYPE": "TableType"})
    pattern = name_pattern(expression or "*")
    tables = sorted(call.catalog.get_database(database).tables.items())
    page = call.page(
        [table for name, table in tables if pattern.fullmatch(name)],
        "TableList",
        call.shows,
    )
    page["TableList"] = [
        _with_attributes(_table(one, call.grant(one)), attributes) for one in page["TableList"]
    ]
    return page


def _search_tables(call: _Call) -> Params:
    words = call.params.get("SearchText", "").lower().strip('"')
    tests = call.params.get("Filters", [])

    def is_visible(table: Any) -> bool:
        entry = _table(table, call.grant(table))
        fits = all(str(entry.get(one["Key"], "")).lower() == one["Value"].lower() for one in tests)
        return fits and words in json.dumps(entry, default=str).lower() and call.shows(table)

    databases = call.catalog.get_databases()
    tables = [table for database in databases for table in database.tables.values()]
    page = call.page(tables, "TableList", is_visible)
    page["TableList"] = [_table(one, call.grant(one)) for one in page["TableList"]]
    return page


def _get_table_versions(call: _Call) -> Params:
    table = call.table
    versions = sorted(table.versions, key=int, reverse=True)
    cut = call.granted.cut
    entries = [{"Table": cut(table.as_dict(version)), "VersionId": version} for version in versions]
    return call.page(entries, "TableVersions")


def _get_partition(call: _Call) -> Params:
    return {"Partition": _partition(call, call.table.get_partition(call.params["PartitionValues"]))}


def _get_partitions(call: _Call) -> Params:
    expression = call.params.get("Expression") or ""
    if len(expression) > MAX_EXPRESSION:
        raise constraint(expression, "expression", f"length less than or equal to {MAX_EXPRESSION}")
    table = call.table
    partitions = table.get_partitions(for_moto(expression, table))
    if not call.granted.columns:
        partitions = []
    segment = call.params.get("Segment")
    if segment is not None:
        number, total = segment["SegmentNumber"], segment["TotalSegments"]
        if not 1 <= total <= MAX_SEGMENTS:
            rule = f"value between 1 and {MAX_SEGMENTS}"
            raise constraint(total, "segment.totalSegments", rule)
        if not 0 <= number < total:
            raise constraint(number, "segment.segmentNumber", f"value between 0 and {total - 1}")
        partitions = [
            one for one in partitions if zlib.crc32(repr(one.values).encode()) % total == number
        ]
    page = call.page(partitions, "Partitions")
    page["Partitions"] = [_partition(call, one) for one in page["Partitions"]]
    if call.params.get("ExcludeColumnSchema"):
        for one in page["Partitions"]:
            storage = {k: v for k, v in one.get("StorageDescriptor", {}).items() if k != "Columns"}
            one["StorageDescriptor"] = storage
    return page


def _batch_get_partition(call: _Call) -> Params:
    keys = call.params["PartitionsToGet"]
    if len(keys) > MAX_BATCH:
        raise constraint(len(keys), "partitionsToGet", f"length less than or equal to {MAX_BATCH}")
    now = keys if call.keep is None else keys[: call.keep]
    partitions = call.table.partitions
    chosen = [partitions[str(key["Values"])] for key in now if str(key["Values"]) in partitions]
    return {
        "Partitions": [_partition(call, one) for one in chosen],
        "UnprocessedKeys": keys[len(now) :],
    }


def _create_function(call: _Call) -> Params:
    function = call.params["FunctionInput"]
    functions, name = call.functions(call.params["DatabaseName"]), function["FunctionName"]
    if name in functions:
        raise AwsError("AlreadyExistsException", "Function already exists.")
    functions[name] = {
        **function,
        "DatabaseName": call.params["DatabaseName"],
        "CatalogId": call.account_id,
    }
    return {}


def _get_function(call: _Call) -> Params:
    name = call.params["FunctionName"]
    function = call.functions(call.params["DatabaseName"]).get(name)
    if function is None:
        raise AwsError("EntityNotFoundException", f"Function {name} not found.")
    return {"UserDefinedFunction": function}


def _delete_function(call: _Call) -> Params:
    _get_function(call)
    del call.functions(call.params["DatabaseName"])[call.params["FunctionName"]]
    return {}


def _get_functions(call: _Call) -> Params:
    named = call.params.get("DatabaseName")
    databases = [named] if named else [one.name for one in call.catalog.get_databases()]
    pattern = name_pattern(call.params["Pattern"])
    functions = [
        function
        for database in databases
        for name, function in sorted(call.functions(database).items())
        if pattern.fullmatch(name)
    ]
    return call.page(functions, "UserDefinedFunctions")


def _table(table: Any, granted: Grant | None) -> Params:
    grant = granted or Grant(governed=True)
    entry = grant.cut(table.as_dict())
    stored = {"Retention": 0, "UpdateTime": entry["CreateTime"]}
    return {**stored, **entry, "IsRegisteredWithLakeFormation": grant.governed}


def _attributes(call: _Call, fields: Mapping[str, str]) -> set[str] | None:
    names = call.params.get("AttributesToGet")
    if names is None:
        return None
    if "NAME" not in names or not set(names) <= set(fields):
        raise AwsError(
            "InvalidInputException",
            f"AttributesToGet must include NAME, and may have only {', '.join(fields)}",
        )
    return {fields[name] for name in names}


def _with_attributes(entry: Params, attributes: set[str] | None) -> Params:
    return entry if attributes is None else {k: v for k, v in entry.items() if k in attributes}


def _partition(call: _Call, partition: Any) -> Params:
    return {**call.granted.cut(partition.as_dict()), "CatalogId": call.account_id}


def _clean(entry: Params) -> Params:
    return {name: value for name, value in entry.items() if value is not None}


def _seconds(value: object) -> float:
    if isinstance(value, datetime):
        return value.timestamp()
    raise TypeError(f"Glue answers no {type(value).__name__}")
