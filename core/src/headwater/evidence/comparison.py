"""Comparison: what lies there now, beside what evidence says was read. Pure; nothing is asked."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

from headwater.diagnostics import Diagnostic, Severity
from headwater.display.printable import printable
from headwater.evidence.evidence import Evidence, Mark, marks_of
from headwater.evidence.places import without_secrets
from headwater.interfaces.plan import Scan
from headwater.interfaces.plan_text import files_digest, mark_order
from headwater.interfaces.read_stats import ReadStats
from headwater.planning.shares import with_files_only
from headwater.tables.relation import DeltaRelation, FileRelation, IcebergRelation

_SHOWN: Final = 3
"""Files that a message names."""
_MARK: Final = 12
"""Characters of a version mark that a message shows."""


@dataclass(frozen=True, slots=True)
class TableChange:
    """What is another with a table than it was when it was read.

    Args:
        table: The table.
        kind: `overwritten`, `gone`, `landed` (files), `snapshot-gone`, `version-gone` (a lake's
            state), `made-anew` (another table of the name), `unversioned` (nothing tells), `kind`
            (it is another sort of table now).
        files: Paths of the files, with the mark then and the mark now.
        of: How many files were read.
        then: The state that was read, of a lake.
        now: The state that is there.
        ids: The id of the table that was read, and of the one that is there, of one made anew.
    """

    table: str
    kind: str
    files: tuple[tuple[str, str | None, str | None], ...] = ()
    of: int = 0
    then: int | None = None
    now: int | None = None
    ids: tuple[str, str] | None = None

    def __str__(self) -> str:
        count = len(self.files)
        match self.kind:
            case "overwritten":
                what = f"{count:,} of {self.of:,} files {_were(count)} overwritten since"
            case "gone":
                what = f"{count:,} of {self.of:,} files {_were(count)} deleted since"
            case "landed":
                what = f"{count:,} files came since, beside {self.of:,} that were read"
            case "snapshot-gone" | "version-gone":
                word = self.kind.removesuffix("-gone")
                how = "is of other files now" if self.then == self.now else "is not kept any more"
                read = "" if self.then == self.now else f"; {self.now} is read"
                return f"{self.table}: {word} {self.then} {how}{read}{self._file_changes()}"
            case "unversioned":
                return f"{self.table}: nothing tells whether it changed"
            case "made-anew":
                before, after = self.ids or ("", "")
                return (
                    f"{self.table}: it was dropped and made anew since: table {before} was read, "
                    f"and table {after} is there{self._file_changes()}"
                )
            case "other-files":
                return f"{self.table}: its files are others than the {self.of:,} that were read"
            case _:
                return f"{self.table}: it is another table than the one that was read"
        named = "; ".join(_file(*f, self.kind) for f in self.files[:_SHOWN])
        more = f"; and {count - _SHOWN:,} more" if count > _SHOWN else ""
        return f"{self.table}: {what} ({named}{more})"

    def _file_changes(self) -> str:
        """Return by name which files of a lake's state went, and which came."""
        parts = []
        for word, files in (
            ("gone", [path for path, _, now in self.files if now is None]),
            ("new", [path for path, then, _ in self.files if then is None]),
            ("other", [path for path, then, now in self.files if None not in (then, now)]),
        ):
            if files:
                more = f" and {len(files) - _SHOWN:,} more" if len(files) > _SHOWN else ""
                parts.append(f"{word}: {', '.join(files[:_SHOWN])}{more}")
        return f" ({'; '.join(parts)})" if parts else ""

    def to_dict(self) -> dict[str, Any]:
        """Return it as a JSON-ready dict."""
        return {
            "table": self.table,
            "kind": self.kind,
            "files": [{"path": p, "then": then, "now": now} for p, then, now in self.files],
            "of": self.of,
            "then": self.then,
            "now": self.now,
            **({} if self.ids is None else {"ids": {"then": self.ids[0], "now": self.ids[1]}}),
        }


@dataclass(frozen=True, slots=True)
class TableReplay:
    """What of a table is read again.

    Args:
        scan: The table, pinned to what was read, where that is still there.
        changes: What is not as it was.
        exact: Whether what was read is still there, whole.
        older: The older state of a lake that is read, if it is not the newest.
    """

    scan: Scan
    changes: tuple[TableChange, ...] = ()
    exact: bool = True
    older: int | None = None


@dataclass(slots=True)
class Replay:
    """The outcome of a repeated read.

    Args:
        evidence: Of the first read.
        found: What is read again of each table.
        other_definition: Whether query, mapping or rules are others than they were.
        comparable: Whether digests of then and now are made alike.
        rows: Whether the rows are the same; None until they were read to their end.
        labels: Likewise, the labels.
        count: How many rows there are now.
    """

    evidence: Evidence
    found: tuple[TableReplay, ...]
    other_definition: bool = False
    comparable: bool = True
    rows: bool | None = None
    labels: bool | None = None
    count: int | None = None

    @property
    def exact(self) -> bool:
        """Whether all data that was read is still there and is read unchanged."""
        return not self.other_definition and all(f.exact for f in self.found)

    @property
    def changes(self) -> tuple[TableChange, ...]:
        """The changes of all tables."""
        return tuple(c for f in self.found for c in f.changes)

    @property
    def same(self) -> bool | None:
        """Whether rows and labels are those that were read; None until they were read again."""
        if self.rows is None:
            return None
        return bool(self.rows and self.labels)

    def take(self, stats: ReadStats) -> None:
        """Take over what a read to its end counted.

        Args:
            stats: Its counts, with digests.
        """
        then, self.count = self.evidence, stats.rows
        if self.comparable:
            self.rows = (then.rows, then.rows_digest) == (stats.rows, stats.rows_digest)
            self.labels = (then.labelled, then.labels_digest) == (
                stats.labelled,
                stats.labels_digest,
            )
        else:
            self.rows = then.rows == stats.rows
            self.labels = then.labelled == stats.labelled

    @property
    def outcome(self) -> str:
        """What a reader should know, in a line; before the read, of the files alone."""
        parts = [str(c) for c in self.changes]
        if self.other_definition:
            parts.insert(0, "query, mapping or rules are others than they were")
        if not parts:
            parts = [f"the same {_files_text(self.found)}"]
        elif self.exact:
            parts.append(f"what was read is still there, and is read: {_files_text(self.found)}")
        else:
            parts.append("what was read can't be had again: what lies there now is read instead")
        text = "; ".join(parts)
        if self.rows is None:
            return printable(text)
        how = "digests" if self.comparable else "counts (of digests made otherwise)"
        if self.same:
            return printable(f"{text}, {self.count:,} rows, the same {how}")
        rows = "rows do not differ" if self.rows else "rows differ"
        labels = "labels do not" if self.labels else "labels differ"
        if self.rows and not self.labels:
            return printable(f"{text}: labels differ, rows do not")
        joined = f"{rows}, {labels}" if self.labels else f"{rows}, and {labels}"
        return printable(f"{text}: {joined} ({self.evidence.rows:,} rows then, {self.count:,} now)")

    def diagnostic(self) -> Diagnostic | None:
        """Return what is to be said of what is not as it was; None if all is."""
        if not self.changes and not self.other_definition:
            return None
        severity = Severity.INFO if self.exact else Severity.WARNING
        hint = (
            None
            if self.exact
            else "plain files keep no history: keep the rows themselves; Iceberg and Delta keep "
            "snapshots until they are expired"
        )
        return Diagnostic("evidence-changed", self.outcome, severity, hint=hint)

    def to_dict(self) -> dict[str, Any]:
        """Return it as a JSON-ready dict."""
        then = self.evidence
        return {
            "connection": then.connection,
            "evidence": then.sha256,
            "outcome": self.outcome,
            "exact": self.exact,
            "same": self.same,
            "same_rows": self.rows,
            "same_labels": self.labels,
            "rows": {"then": then.rows, "now": self.count},
            "other_definition": self.other_definition,
            "changes": [c.to_dict() for c in self.changes],
        }

    def __str__(self) -> str:
        return self.outcome


def replay_of_table(
    scan: Scan,
    recorded: Mapping[str, Any],
    marks: Sequence[Mark] | None,
    older: IcebergRelation | DeltaRelation | None = None,
) -> TableReplay:
    """Return what is read again of a table, and what changed.

    Args:
        scan: The table as it is now.
        recorded: The table's entry in the evidence.
        marks: The files that were read; None where evidence tells only their digest, or none.
        older: The state of a lake that was read, if it still has that, with its files, if they can
            be listed.
    """
    name, relation = str(scan.table), scan.relation
    if recorded["table"] != name or recorded["kind"] != type(relation).__name__:
        return TableReplay(scan, (TableChange(name, "kind"),), exact=False)
    match relation:
        case FileRelation():
            return _replay_of_files(scan, relation, recorded, marks)
        case IcebergRelation():
            then, now = recorded.get("snapshot_id"), relation.snapshot_id
            word = "snapshot"
        case DeltaRelation():
            then, now = recorded.get("version"), relation.version
            if recorded.get("location") != without_secrets(relation.location) or then is None:
                return TableReplay(scan, (TableChange(name, "kind"),), exact=False)
            word = "version"
        case _:
            return TableReplay(scan, (TableChange(name, "unversioned"),), exact=False)
    table_id = recorded.get("table_id")
    if table_id is not None and relation.table_id is not None and table_id != relation.table_id:
        change = TableChange(
            name,
            "made-anew",
            _differing_files(marks, marks_of(older or relation)),
            of=recorded["files"] or 0,
            then=then,
            now=now,
            ids=(table_id, relation.table_id),
        )
        return TableReplay(scan, (change,), exact=False)
    pinned = None if older is None else marks_of(older)
    other = pinned is not None and not _are_same_files(pinned, recorded, marks)
    if other or (then != now and (then is None or older is None)):
        present = older if older is not None and other and then == now else relation
        files = _differing_files(marks, marks_of(present))
        change = TableChange(
            name, f"{word}-gone", files, of=recorded["files"] or 0, then=then, now=now
        )
        return TableReplay(scan, (change,), exact=False)
    if then == now:
        return TableReplay(scan)
    assert older is not None, "it is looked for above"
    return TableReplay(replace(scan, relation=older), older=then)


def _are_same_files(
    present: Sequence[Mark], recorded: Mapping[str, Any], marks: Sequence[Mark] | None
) -> bool:
    """Return whether the files of a lake's state are those that were read; True if unknown."""
    if marks is not None:
        return sorted(marks, key=mark_order) == sorted(present, key=mark_order)
    digest = recorded.get("data_files_digest")
    return digest is None or files_digest(present) == digest


def _differing_files(
    then: Sequence[Mark] | None, now: Sequence[Mark] | None
) -> tuple[tuple[str, str | None, str | None], ...]:
    """Return the files that differ between two states, with their marks before and after."""
    if then is None or now is None:
        return ()
    before = {path: _mark(size, etag) for path, size, etag in then}
    after = {path: _mark(size, etag) for path, size, etag in now}
    return tuple(
        (path, before.get(path), after.get(path))
        for path in sorted({*before, *after})
        if before.get(path) != after.get(path)
    )


def _replay_of_files(
    scan: Scan, relation: FileRelation, recorded: Mapping[str, Any], marks: Sequence[Mark] | None
) -> TableReplay:
    name, present = str(scan.table), marks_of(relation) or ()
    if marks is None:
        if files_digest(present) == recorded.get("data_files_digest"):
            return _versioned(TableReplay(scan), name, present)
        return TableReplay(
            scan, (TableChange(name, "other-files", of=recorded["files"]),), exact=False
        )
    now = {path: (size, etag) for path, size, etag in present}
    then = {path: (size, etag) for path, size, etag in marks}
    overwritten = [
        (p, _mark(*then[p]), _mark(*now[p])) for p in then if p in now and now[p] != then[p]
    ]
    deleted = [(p, _mark(*then[p]), None) for p in then if p not in now]
    landed = [(p, None, _mark(*now[p])) for p in now if p not in then]
    changes = [
        TableChange(name, kind, tuple(files), of=len(then))
        for kind, files in (("overwritten", overwritten), ("gone", deleted), ("landed", landed))
        if files
    ]
    if overwritten or deleted:
        return TableReplay(scan, tuple(changes), exact=False)
    if landed:
        # Those that were read are all there: the others are left out, as they were then.
        scan = with_files_only(scan, [f for f in relation.files if without_secrets(f.path) in then])
    return _versioned(TableReplay(scan, tuple(changes)), name, marks)


def _versioned(replay: TableReplay, name: str, marks: Iterable[Mark]) -> TableReplay:
    """Add the change `unversioned` where storage gave no version marks of files."""
    if all(etag is not None for _, _, etag in marks):
        return replay
    return replace(replay, changes=(*replay.changes, TableChange(name, "unversioned")), exact=False)


def _mark(size: int, etag: str | None) -> str:
    return f"{size} bytes" if etag is None else etag


def _file(path: str, then: str | None, now: str | None, kind: str) -> str:
    if kind != "overwritten":
        return path
    return f"{path}: {_short_mark(then)} then, {_short_mark(now)} now"


def _short_mark(mark: str | None) -> str:
    text = (mark or "").strip('"')
    return text if len(text) <= _MARK else f"{text[:_MARK]}..."


def _were(count: int) -> str:
    return "was" if count == 1 else "were"


def _files_text(replays: Sequence[TableReplay]) -> str:
    """Return what is read of all tables, in words."""
    files = sum(
        len(f.scan.relation.files) for f in replays if isinstance(f.scan.relation, FileRelation)
    )
    parts = []
    if files or not any(_state(f) for f in replays):
        parts.append(f"{files:,} {'file' if files == 1 else 'files'}")
    parts += [state for f in replays if (state := _state(f))]
    return ", ".join(dict.fromkeys(parts))


def _state(replay: TableReplay) -> str | None:
    match replay.scan.relation:
        case IcebergRelation(snapshot_id=number):
            return f"snapshot {number} of {replay.scan.table}"
        case DeltaRelation(version=number):
            return f"version {number} of {replay.scan.table}"
    return None
