"""Plans and reads as OpenLineage events. Pure functions; nothing is sent here.

Source: OpenLineage specification 2-0-2, `OpenLineage.json` and its facets; "Dataset Naming".
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from importlib.metadata import version
from typing import Any, Final
from uuid import UUID, uuid4

from headwater.errors import HeadwaterError
from headwater.interfaces import Plan, ReadStats, Scan
from headwater_openlineage.naming import dataset_name

PRODUCER: Final = "https://pypi.org/project/headwater-openlineage"
SPEC: Final = "https://openlineage.io/spec"
CORE: Final = f"{SPEC}/2-0-2/OpenLineage.json#/$defs"
FACETS: Final = {
    "schema": "1-1-1/SchemaDatasetFacet",
    "symlinks": "1-0-1/SymlinksDatasetFacet",
    "inputStatistics": "1-0-0/InputStatisticsInputDatasetFacet",
    "outputStatistics": "1-0-2/OutputStatisticsOutputDatasetFacet",
    "sql": "1-0-1/SQLJobFacet",
    "jobType": "2-0-3/JobTypeJobFacet",
    "nominalTime": "1-0-1/NominalTimeRunFacet",
    "errorMessage": "1-0-1/ErrorMessageRunFacet",
    "processing_engine": "1-1-1/ProcessingEngineRunFacet",
    "version": "1-0-1/DatasetVersionDatasetFacet",
}
"""Facet to the version and name of its schema."""
CONTENT: Final = "headwater_content"
"""Our own facet of a run: the digests of its rows, where these were made."""


def planned_event(plan: Plan, namespace: str) -> dict[str, Any]:
    """Return the JobEvent of a plan: what it would read, though no run has begun.

    Args:
        plan: The plan.
        namespace: Namespace of the job.
    """
    return {
        "eventTime": _time(plan.created_at),
        "producer": PRODUCER,
        "schemaURL": f"{CORE}/JobEvent",
        "job": _job(plan, namespace),
        "inputs": _inputs(plan),
        "outputs": [_output(plan, namespace, None)],
    }


def finished_events(
    plan: Plan,
    stats: ReadStats,
    error: BaseException | None,
    namespace: str,
    *,
    now: datetime | None = None,
    run_id: UUID | None = None,
) -> list[dict[str, Any]]:
    """Return the RunEvents of a read: its START, and COMPLETE, FAIL or ABORT (left early).

    Args:
        plan: The plan.
        stats: What was counted.
        error: What ended the read, or None.
        namespace: Namespace of the job.
        now: When it ended; default: now.
        run_id: The run's id; default: a new one.
    """
    run = {"runId": str(run_id or uuid4()), "facets": _run_facets(plan)}
    job = _job(plan, namespace)
    inputs = _inputs(plan)
    start = {
        "eventType": "START",
        "eventTime": _time(stats.started_at or plan.created_at),
        "producer": PRODUCER,
        "schemaURL": f"{CORE}/RunEvent",
        "run": run,
        "job": job,
        "inputs": inputs,
        "outputs": [_output(plan, namespace, None)],
    }
    ended = "FAIL" if error is not None else "COMPLETE" if stats.finished else "ABORT"
    more: dict[str, Any] = {}
    if error is not None:
        more["errorMessage"] = _error(error)
    if stats.finished and stats.rows_digest is not None:
        more[CONTENT] = _content(stats)
    end_run = {**run, "facets": {**run["facets"], **more}}  # type: ignore[dict-item]
    end = {
        **start,
        "eventType": ended,
        "eventTime": _time(now),
        "run": end_run,
        "outputs": [_output(plan, namespace, stats)],
    }
    return [start, end]


def _job(plan: Plan, namespace: str) -> dict[str, Any]:
    kind = {"processingType": "BATCH", "integration": "HEADWATER", "jobType": "QUERY"}
    return {
        "namespace": namespace,
        "name": plan.connection,
        "facets": {
            "sql": _facet("sql", query=plan.query, dialect="spark"),
            "jobType": _facet("jobType", **kind),
        },
    }


def _run_facets(plan: Plan) -> dict[str, Any]:
    facets = {
        "processing_engine": _facet(
            "processing_engine",
            name=plan.engine,
            version=version("headwater"),
            openlineageAdapterVersion=version("headwater-openlineage"),
        )
    }
    if plan.window is not None:
        facets["nominalTime"] = _facet(
            "nominalTime",
            nominalStartTime=_time(plan.window.start),
            nominalEndTime=_time(plan.window.end),
        )
    return facets


def _error(error: BaseException) -> dict[str, Any]:
    # The message alone: a driver's traceback may quote what it was given.
    message = error.message if isinstance(error, HeadwaterError) else type(error).__name__
    return _facet("errorMessage", message=message, programmingLanguage="python")


def _content(stats: ReadStats) -> dict[str, Any]:
    """Return the digests of what was read: equal ones are of equal rows, whoever read them."""
    return {
        "_producer": PRODUCER,
        "_schemaURL": f"{CORE}/RunFacet",
        "rowsDigest": stats.rows_digest,
        "labelsDigest": stats.labels_digest,
        "rows": stats.rows,
        "labels": stats.labelled,
    }


def _inputs(plan: Plan) -> list[dict[str, Any]]:
    tables = plan.to_dict()["tables"]
    return [_input(scan, table) for scan, table in zip(plan.scans, tables, strict=True)]


def _state(table: Mapping[str, Any]) -> str | None:
    """Return what names the state of a table that is read; None where nothing tells one.

    The snapshot or version of a lake; of plain files the digest of all that are read, by path, size
    and version mark, which is that of the evidence of the read.
    """
    for name in ("data_files_digest", "snapshot_id", "version"):
        if table.get(name) is not None:
            return str(table[name])
    return None


def _input(scan: Scan, document: Mapping[str, Any]) -> dict[str, Any]:
    namespace, name = dataset_name(scan)
    columns = [{"name": c.name, "type": str(c.type)} for c in scan.relation.columns]
    table = {"namespace": "headwater", "name": str(scan.table), "type": "TABLE"}
    facets = {
        "schema": _facet("schema", fields=columns),
        "symlinks": _facet("symlinks", identifiers=[table]),
    }
    state = _state(document)
    if state is not None:
        facets["version"] = _facet("version", datasetVersion=state)
    return {
        "namespace": namespace,
        "name": name,
        "facets": facets,
        "inputFacets": {"inputStatistics": _facet("inputStatistics", **_cost(scan))},
    }


def _cost(scan: Scan) -> dict[str, int]:
    counts = {"fileCount": scan.estimate.files, "size": scan.estimate.bytes}
    return {name: n for name, n in counts.items() if n is not None}


def _output(plan: Plan, namespace: str, stats: ReadStats | None) -> dict[str, Any]:
    mapped: Sequence[Any] = tuple(plan.mapping or ())
    columns = [{"name": c.name, "type": str(c.source_type)} for c in mapped]
    output: dict[str, Any] = {
        "namespace": namespace,
        "name": plan.connection,
        "facets": {"schema": _facet("schema", fields=columns)} if columns else {},
    }
    if stats is not None:
        counted = _facet("outputStatistics", rowCount=stats.rows)
        output["outputFacets"] = {"outputStatistics": counted}
    return output


def _facet(name: str, /, **fields: Any) -> dict[str, Any]:
    home, _, title = FACETS[name].partition("/")
    url = f"{SPEC}/facets/{home}/{title}.json#/$defs/{title}"
    return {"_producer": PRODUCER, "_schemaURL": url, **fields}


def _time(moment: datetime | None) -> str:
    return (moment or datetime.now(UTC)).astimezone(UTC).isoformat()
