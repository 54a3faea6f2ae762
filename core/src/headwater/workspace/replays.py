"""Replays: a read is done again from its evidence, of the files that are still there."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from headwater.auth.credentials import Access
from headwater.changes import fingerprints
from headwater.diagnostics import hint_for
from headwater.engines.embedded.lake_formats.relations import files_of
from headwater.errors import ConfigError, EvidenceError, HeadwaterError, UnsupportedError
from headwater.evidence.comparison import Replay, TableReplay, replay_of_table
from headwater.evidence.evidence import Evidence
from headwater.interfaces.plan import Scan
from headwater.interfaces.read_stats import ReadStats
from headwater.planning import engine_choice, planner
from headwater.planning.lake_files import with_files
from headwater.plugins import hooks
from headwater.reading.content_digests import FORM
from headwater.reading.dataset import Dataset
from headwater.tables.relation import DeltaRelation, IcebergRelation, Relation
from headwater.workspace.origins import origin

if TYPE_CHECKING:
    from headwater.workspace.workspace import Workspace


def replay(workspace: Workspace, evidence: Evidence, timeout: float | None = None) -> Dataset:
    """Return the rows of a read again; see `Workspace.replay`."""
    connection = workspace.connections.get(evidence.connection)
    if connection is None:
        raise ConfigError(
            f"there is no connection {evidence.connection!r}, which the evidence is of",
            hint=hint_for(evidence.connection, workspace.connections, what="connections"),
        )
    window, as_of = evidence.window, evidence.as_of
    request = workspace.request(connection, window, as_of, evidence.sample)
    with workspace.opened(connection) as access:
        mapped = workspace.map_queries(connection, access)
        draft = planner.draft(request, mapped[0], access, actuals=mapped[1], nearby=True)
        plan = draft.plan()
        tables = _tables(plan.scans, evidence, access)
    outcome = Replay(
        evidence,
        tuple(tables),
        other_definition=fingerprints.of_reading(draft) != evidence.reading
        or len(tables) != len(evidence.tables),
        comparable=evidence.form == FORM,
    )
    plan = replace(plan, scans=tuple(f.scan for f in tables))
    diagnostic = outcome.diagnostic()
    if diagnostic is not None:
        plan = replace(plan, warnings=(*plan.warnings, diagnostic))
    planned, chosen = engine_choice.choose(
        plan, _engine(workspace, evidence.engine), workspace.engine_named
    )
    hooks.plan_created(workspace.registry, planned.plan)
    data = workspace.dataset(
        connection,
        planned,
        chosen,
        lambda: workspace.opened(connection),
        digests=True,
        origin=origin(workspace.registry, draft, chosen),
        timeout=timeout,
    )
    data.replay = outcome
    data.on_end = lambda stats: _compare(outcome, stats)
    return data


def _compare(replay_: Replay, stats: ReadStats) -> None:
    """Hold what was read again to what was read then.

    Raises:
        EvidenceError: With code `evidence-broken`, if the same files give other rows.
    """
    if not stats.finished:
        return
    replay_.take(stats)
    if replay_.same is False and replay_.exact and replay_.comparable:
        then = replay_.evidence
        raise EvidenceError(
            f"{then.connection}, {then.window or 'all rows'}: the same files give others than the "
            f"evidence says: {replay_.outcome}",
            code="evidence-broken",
            hint="is the evidence of this connection, and unchanged? Otherwise tell us: headwater "
            f"{then.document['versions'].get('headwater')} read it by {then.engine}",
        )
    if (diagnostic := replay_.diagnostic()) is not None:
        stats.notes += (diagnostic,)


def _engine(workspace: Workspace, name: str) -> str:
    """Return the engine that read then, if it is here; otherwise the workspace's."""
    if name not in {spec.kind for spec in workspace.registry.engines()}:
        return workspace.engine
    try:
        away = workspace.engine_named(name).unavailable()
    except HeadwaterError:
        return workspace.engine
    return workspace.engine if away else name


def _tables(scans: tuple[Scan, ...], evidence: Evidence, access: Access) -> list[TableReplay]:
    tables = evidence.tables
    found_so = []
    for scan in scans:
        recorded = tables.get(scan.slot, {"table": "", "kind": "", "files": 0})
        marks = evidence.files_of(scan.slot) if scan.slot in tables else None
        older = _older_state(scan, recorded, access)
        if older is None and isinstance(scan.relation, IcebergRelation | DeltaRelation):
            (scan,) = with_files([scan], access, None)  # so that what came can be named
        found_so.append(replay_of_table(scan, recorded, marks, older))
    return found_so


def _older_state(
    scan: Scan, recorded: Mapping[str, Any], access: Access
) -> IcebergRelation | DeltaRelation | None:
    """Return the state of a lake that was read, if it still has that, with its files named.

    They are not where the packages to list them with are not here: the engine says if it is gone.
    """
    relation: Relation = scan.relation
    match relation:
        case IcebergRelation() if type(recorded.get("snapshot_id")) is int:
            older: IcebergRelation | DeltaRelation = replace(
                relation, snapshot_id=recorded["snapshot_id"]
            )
        case DeltaRelation() if type(recorded.get("version")) is int:
            older = replace(relation, version=recorded["version"])
        case _:
            return None
    is_newest = older == relation
    if not is_newest:
        older = replace(older, file_count=None, size=None)
    ref = relation.auth_ref
    column = scan.time_column or relation.columns[0].name
    try:
        listed = files_of(older, column, lambda: None if ref is None else access.storage(ref))
    except UnsupportedError:
        return older
    except HeadwaterError:
        return older if is_newest else None
    return replace(older, data_files=tuple(file for file, _ in listed))
