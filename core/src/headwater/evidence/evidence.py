"""Evidence of a read: a document that says what was read, how, by whom, and what came of it.

It holds no rows and no secrets: counts and digests of the rows, names and version marks of the
files. It is JSON, tells the SHA-256 of itself, and can be read by a person. What lies in a file of
evidence may have been written by anybody: it is read within limits, and names nothing that is
opened, run or trusted. `Workspace.replay` compares it with what lies there now.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime
from hashlib import sha256
from math import isfinite
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final

from headwater.display.printable import printable
from headwater.errors import ConfigError, EvidenceError
from headwater.evidence.places import without_secrets
from headwater.interfaces.plan import Plan
from headwater.interfaces.plan_text import FILES, files_digest, mark_order, to_dict
from headwater.interfaces.read_stats import ReadStats
from headwater.tables.relation import (
    DataFile,
    DeltaRelation,
    FileRelation,
    IcebergRelation,
    Relation,
)
from headwater.tables.window import Window
from headwater.untrusted import limits
from headwater.untrusted.texts import ForeignTextError, json_value

FORMAT: Final = 1
_WHAT: Final = "evidence"
_DIGEST: Final = re.compile(r"[0-9a-f]{16}")
_SHA256: Final = re.compile(r"[0-9a-f]{64}")
_COUNTS: Final = (
    "rows", "labelled", "null_ids", "actuals", "conflicts", "early_actuals", "stale_actuals",
    "untimed_actuals", "nan_actuals", "first", "last",
)  # fmt: skip

Mark = tuple[str, int, str | None]
"""A file as evidence tells it: its path, its size, the storage's mark of its version."""


@dataclass(frozen=True, slots=True)
class Origin:
    """What evidence tells beside a plan and its counts.

    Args:
        reading: Digest of how rows are read, whatever their window: query, mapping, rules.
        definition: The digest that a ledger keeps: of that, and of the windows' calendar.
        calendar: Step and zone of these windows; None for a window by itself.
        form: Number of the form of which content digests are made.
        versions: Of headwater, Python, and each plugin's distribution.
        engine: The engine's version and settings.
    """

    reading: str
    definition: str
    calendar: str | None
    form: int
    versions: Mapping[str, Any]
    engine: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Evidence:
    """What was read, how, by whom, and what came of it. Made by `Dataset.evidence`.

    Args:
        document: All of it, as it is written, but the SHA-256.
        files: The files of each table, by its slot, where the document tells only their digest.
    """

    document: Mapping[str, Any]
    files: Mapping[str, tuple[Mark, ...]] = field(default_factory=lambda: MappingProxyType({}))

    @property
    def sha256(self) -> str:
        """The SHA-256 of the document: what to keep elsewhere, if it must not be changed."""
        return sha256(_canonical(self.document)).hexdigest()

    @property
    def connection(self) -> str:
        """Name of the connection that was read."""
        return str(self.document["connection"])

    @property
    def window(self) -> Window | None:
        """The window; None for all rows."""
        window = self.document["window"]
        return None if window is None else Window(_moment(window["start"]), _moment(window["end"]))

    @property
    def as_of(self) -> datetime | None:
        """Until when actuals were taken."""
        text = self.document["as_of"]
        return None if text is None else _moment(text)

    @property
    def sample(self) -> float | None:
        """Share of the ids that was read."""
        share = self.document["sample"]
        return None if share is None else float(share)

    @property
    def read_at(self) -> datetime:
        """When the read began."""
        return _moment(self.document["read_at"])

    @property
    def engine(self) -> str:
        """Name of the engine that read."""
        return str(self.document["engine"]["name"])

    @property
    def reading(self) -> str:
        """Digest of how rows are read, whatever their window."""
        return str(self.document["reading"])

    @property
    def definition(self) -> str:
        """Digest of how the windows are read: that of a ledger."""
        return str(self.document["definition"])

    @property
    def rows(self) -> int:
        """How many rows were read."""
        return int(self.document["counts"]["rows"])

    @property
    def labelled(self) -> int:
        """Of how many of them an actual was known."""
        return int(self.document["counts"]["labelled"])

    @property
    def rows_digest(self) -> str:
        """Digest of all that was delivered but the actuals."""
        return str(self.document["content"]["rows"])

    @property
    def labels_digest(self) -> str:
        """Digest of the ids with their actuals."""
        return str(self.document["content"]["labels"])

    @property
    def form(self) -> int:
        """Number of the form of which the content digests were made."""
        return int(self.document["content"]["form"])

    @property
    def tables(self) -> Mapping[str, Mapping[str, Any]]:
        """What is told of each table, by its slot in the SQL."""
        return {str(t["slot"]): t for t in self.document["tables"]}

    def files_of(self, slot: str) -> tuple[Mark, ...] | None:
        """Return the files of a table; None where only their digest is known, or it has none.

        Args:
            slot: The table's slot.
        """
        if slot in self.files:
            return self.files[slot]
        files = self.tables[slot].get("data_files")
        return None if files is None else tuple((f["path"], f["size"], f["etag"]) for f in files)

    def to_dict(self) -> dict[str, Any]:
        """Return the evidence as a JSON-ready dict."""
        return {**self.document, "sha256": self.sha256}

    def to_json(self) -> str:
        """Return the evidence as text. Of a table of more than 1,000 files it tells the digest."""
        return json.dumps(self.to_dict(), indent=1, sort_keys=True, ensure_ascii=True) + "\n"

    @classmethod
    def from_json(cls, text: str | bytes) -> Evidence:
        """Return the evidence that `to_json` gave.

        Args:
            text: The text, or its bytes in UTF-8.

        Raises:
            EvidenceError: With code `evidence-damaged` or `evidence-newer`, if it is none.
        """
        return cls(_parse(text, "the evidence"))

    def save(self, path: str | os.PathLike[str]) -> Path:
        """Write the evidence to a file, whole or not at all; one that is there is replaced.

        Where a table has more than 1,000 files, these are written beside it: for `day.json`, to
        `day.files.parquet`. Keep both.

        Args:
            path: The file.

        Raises:
            ConfigError: If it can't be written.
        """
        place = Path(path)
        try:
            place.parent.mkdir(parents=True, exist_ok=True)
            beside = _files_path(place)
            if self.files:
                _replace(beside, _packed(self.files))
            else:
                beside.unlink(missing_ok=True)
            _replace(place, self.to_json().encode())
        except OSError as error:
            raise ConfigError(
                f"evidence can't be written to {place}: {error.strerror or error}",
                code="write-failed",
            ) from error
        return place

    @classmethod
    def load(cls, path: str | os.PathLike[str]) -> Evidence:
        """Return the evidence that `save` wrote.

        Args:
            path: The file; what `save` wrote beside it is read, too.

        Raises:
            EvidenceError: With code `evidence-damaged` or `evidence-newer`, if it is none.
            ConfigError: If there is no such file.
        """
        place = Path(path)
        document = _parse(_content(place, limits.EVIDENCE_BYTES, str(place)), str(place))
        beside = _files_path(place)
        lacking = {t["slot"]: t for t in document["tables"] if t.get("data_files", ()) is None}
        if not lacking or not beside.exists():
            return cls(document)
        files = _unpacked(beside)
        for slot, table in lacking.items():
            if files_digest(files.get(slot, ())) != table["data_files_digest"]:
                raise _damaged(str(beside), f"these are not the files of {table['table']}")
        return cls(document, {slot: files[slot] for slot in lacking})

    def __str__(self) -> str:
        files = sum(int(t["files"] or 0) for t in self.document["tables"])
        what = f"{self.connection}, {self.window or 'all rows'}: {self.rows:,} rows"
        lines = [
            f"{what} of {files:,} files by {self.engine}, read {self.document['read_at']}",
            f"  rows {self.rows_digest}, labels {self.labels_digest}",
            f"  sha256 {self.sha256}",
        ]
        return printable("\n".join(lines))

    def __repr__(self) -> str:
        return printable(f"<Evidence of {self.connection}, {self.window or 'all rows'}>")


def evidence_of(plan: Plan, stats: ReadStats, origin: Origin) -> Evidence:
    """Return the evidence of a read.

    Args:
        plan: What was read.
        stats: What was counted, to the end, with digests.
        origin: The rest.
    """
    plan_document, counted = to_dict(plan), stats.to_dict()
    counted["labelled"] = stats.labelled
    files: dict[str, tuple[Mark, ...]] = {}
    tables = []
    for scan, table in zip(plan.scans, plan_document["tables"], strict=True):
        marks = marks_of(scan.relation)
        if marks is not None:
            table["data_files_digest"] = files_digest(marks)
            table["data_files"] = None
            if len(marks) <= FILES:
                table["data_files"] = [{"path": p, "size": s, "etag": e} for p, s, e in marks]
            else:
                files[scan.slot] = marks
        tables.append({**table, "gives_actuals": scan.gives_actuals})
    names = ("connection", "window", "as_of", "horizon", "sample", "query", "sql", "rewritten_by")
    findings = [*plan.warnings, *stats.notes, *([stats.verdict] if stats.verdict else [])]
    document: dict[str, Any] = {
        "headwater": _WHAT,
        "format": FORMAT,
        "versions": dict(origin.versions),
        **{name: plan_document[name] for name in names},
        "mapping": plan_document["columns"],
        "calendar": origin.calendar,
        "reading": origin.reading,
        "definition": origin.definition,
        "engine": {"name": plan.engine, "reason": plan.engine_reason, **origin.engine},
        "callers": [
            {"name": i.name, "account": i.account, "strategy": i.strategy}
            for i in dict.fromkeys(plan.identities.values())
        ],
        "tables": tables,
        "findings": [d.to_dict() for d in dict.fromkeys(findings)],
        "counts": {name: counted[name] for name in _COUNTS},
        "content": {
            "form": origin.form, "rows": stats.rows_digest, "labels": stats.labels_digest
        },
        "planned_at": plan_document["created_at"],
        "read_at": stats.started_at and stats.started_at.isoformat(),
    }  # fmt: skip
    return Evidence(_as_written(document), files)


def marks_of(relation: Relation) -> tuple[Mark, ...] | None:
    """Return the files of a table as evidence tells them, in order; None where none are named."""
    match relation:
        case FileRelation():
            files: tuple[DataFile, ...] | None = relation.files
        case IcebergRelation() | DeltaRelation():
            files = relation.data_files
        case _:
            return None
    if files is None:
        return None
    marks = ((without_secrets(f.path), f.size, f.etag) for f in files)
    return tuple(sorted(marks, key=mark_order))


def _as_written(value: Any) -> Any:
    """Return a document as it is written: without secrets, and as JSON reads it back."""
    match value:
        case str():
            return without_secrets(value).encode("utf-8", "replace").decode()
        case Mapping():
            return {str(_as_written(k)): _as_written(v) for k, v in value.items()}
        case list() | tuple():
            return [_as_written(v) for v in value]
        case float() if value.is_integer() and abs(value) < 2**53:
            return int(value)
        case float() if isfinite(value):
            return value
        case None | bool() | int():
            return value
    return _as_written(str(value))


def _canonical(document: Mapping[str, Any]) -> bytes:
    return json.dumps(document, sort_keys=True, separators=(",", ":"), ensure_ascii=True).encode()


def _moment(text: str) -> datetime:
    return datetime.fromisoformat(text)


def _content(place: Path, most: int, name: str) -> bytes:
    try:
        with place.open("rb") as file:
            content = file.read(most + 1)
    except FileNotFoundError:
        raise ConfigError(
            f"there is no file {name}",
            hint="headwater read CONNECTION START END -o rows.parquet --evidence day.json writes "
            "one",
        ) from None
    except OSError as error:
        raise ConfigError(f"{name} can't be read: {error.strerror or error}") from error
    if len(content) > most:
        raise _damaged(name, f"it has more than {most:,} bytes")
    return content


def _parse(text: str | bytes, name: str) -> dict[str, Any]:
    """Return the document of a text, held to its own SHA-256."""
    if len(text) > limits.EVIDENCE_BYTES:
        raise _damaged(name, f"it has more than {limits.EVIDENCE_BYTES:,} bytes")
    try:
        document = json_value(text, pairs=_unique)
    except json.JSONDecodeError:
        raise _damaged(name, "it is no JSON") from None
    except (ForeignTextError, UnicodeError) as error:
        raise _damaged(name, str(error)) from None
    if not isinstance(document, dict) or document.get("headwater") != _WHAT:
        raise _damaged(name, "it does not say that it is evidence of a read")
    written = document.get("format")
    if type(written) is int and written > FORMAT:
        raise EvidenceError(
            f"{name} is written in format {written}, and this headwater reads up to {FORMAT}",
            code="evidence-newer",
            hint="pip install --upgrade headwater",
        )
    digest = document.pop("sha256", None)
    if written != FORMAT or not isinstance(digest, str) or not _SHA256.fullmatch(digest):
        raise _damaged(name, "it tells no format or no SHA-256")
    if sha256(_canonical(document)).hexdigest() != digest:
        raise _damaged(name, "it is not what was written: its SHA-256 is another")
    try:
        _check(document)
    except (ValueError, TypeError, KeyError, OverflowError, ConfigError) as error:
        what = error.message if isinstance(error, ConfigError) else str(error)
        raise _damaged(name, f"it tells no read ({what[:200]})") from None
    return document


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    value = dict(pairs)
    if len(value) < len(pairs):
        raise ForeignTextError("a name stands twice in one object")
    return value


def _check(document: Mapping[str, Any]) -> None:
    """Raise if a document does not tell what is asked of it, in the types that are expected."""
    for name in ("connection", "reading", "definition", "query", "sql", "read_at"):
        _checked(document[name], str, name)
    for name in ("engine", "counts", "content", "versions"):
        _checked(document[name], dict, name)
    window = document["window"]
    bounds = (
        [] if window is None else [_checked(window, dict, "window")[n] for n in ("start", "end")]
    )
    for moment in (document["as_of"], document["read_at"], *bounds):
        if moment is not None and _moment(_checked(moment, str, "a moment")).tzinfo is None:
            raise ValueError(f"{moment} has no zone")
    if bounds:
        Window(*map(_moment, bounds))
    if document["sample"] is not None and type(document["sample"]) not in (int, float):
        raise ValueError("sample is no number")
    _checked(document["engine"]["name"], str, "engine")
    for name in ("rows", "labelled"):
        if _checked(document["counts"][name], int, name) < 0:
            raise ValueError(f"{name} is negative")
    _checked(document["content"]["form"], int, "form")
    for name in ("rows", "labels"):
        if not _DIGEST.fullmatch(_checked(document["content"][name], str, name)):
            raise ValueError(f"the digest of {name} is none")
    slots = [_checked(_checked(t, dict, "a table")["slot"], str, "slot")
             for t in _checked(document["tables"], list, "tables")]  # fmt: skip
    if len(set(slots)) < len(slots):
        raise ValueError("a slot stands twice")
    for table in document["tables"]:
        _check_table(table)


def _check_table(table: Mapping[str, Any]) -> None:
    for name in ("table", "kind"):
        _checked(table[name], str, name)
    _checked(table["files"], int, "files")
    if "data_files_digest" in table or "data_files" in table:
        _checked(table["data_files_digest"], str, "data_files_digest")
        files = table["data_files"]
        if files is not None:
            marks = [
                (_checked(f["path"], str, "path"), _checked(f["size"], int, "size"), f["etag"])
                for f in _checked(files, list, "data_files")
            ]
            if any(e is not None and not isinstance(e, str) for _, _, e in marks):
                raise ValueError("etag is no text")
            if files_digest(marks) != table["data_files_digest"]:
                raise ValueError(f"the files of {table['table'][:80]} have another digest")
    if table.get("table_id") is not None:
        _checked(table["table_id"], str, "table_id")
    for name in ("snapshot_id", "version"):
        if table.get(name) is not None and not 0 <= _checked(table[name], int, name) < 2**63:
            raise ValueError(f"{name} is out of range")


def _checked(value: Any, type_: type[Any], name: str) -> Any:
    if type(value) is not type_:
        raise ValueError(f"{name} is {printable(str(value)[:80])!r}")
    return value


def _damaged(name: str, what: str) -> EvidenceError:
    return EvidenceError(
        f"{name} is no evidence that can be used: {what}",
        code="evidence-damaged",
        hint="name the file that Evidence.save or `headwater read --evidence` wrote, unchanged",
    )


def _files_path(place: Path) -> Path:
    return place.with_name(f"{place.stem}.files.parquet")


def _replace(place: Path, content: bytes) -> None:
    hidden = place.with_name(f".{place.name}.{os.getpid()}")
    try:
        hidden.write_bytes(content)
        hidden.replace(place)
    finally:
        with suppress(OSError):
            hidden.unlink(missing_ok=True)


def _packed(files: Mapping[str, Iterable[Mark]]) -> bytes:
    import io

    import pyarrow as pa
    import pyarrow.parquet as pq

    rows = [(slot, *mark) for slot, marks in files.items() for mark in marks]
    columns = list(zip(*rows, strict=True)) or [(), (), (), ()]
    types = (pa.string(), pa.string(), pa.int64(), pa.string())
    arrays = [pa.array(c, t) for c, t in zip(columns, types, strict=True)]
    sink = io.BytesIO()
    pq.write_table(pa.table(arrays, names=["slot", "path", "size", "etag"]), sink)
    return sink.getvalue()


def _unpacked(place: Path) -> dict[str, tuple[Mark, ...]]:
    import pyarrow as pa
    import pyarrow.compute as pc
    import pyarrow.parquet as pq

    try:
        # As dictionaries, a long text that stands in every row is held once.
        with pq.ParquetFile(place, read_dictionary=["slot", "path", "etag"]) as file:
            if file.metadata.num_rows > limits.EVIDENCE_FILES:
                raise _damaged(str(place), f"it has more than {limits.EVIDENCE_FILES:,} rows")
            table = file.read(columns=["slot", "path", "size", "etag"])
        for name in ("slot", "path", "etag"):
            chunks: list[Any] = list(table.column(name).chunks)
            for chunk in chunks:
                texts: Any = chunk.dictionary if pa.types.is_dictionary(chunk.type) else chunk
                lengths: Any = pc.binary_length(texts)
                longest: Any = pc.max(lengths)
                if (longest.as_py() or 0) > limits.EVIDENCE_PATH_BYTES:
                    raise _damaged(str(place), f"a {name} is too long")
        marks_by_slot: dict[str, list[Mark]] = {}
        for slot, path, size, etag in zip(*(c.to_pylist() for c in table.columns), strict=True):
            mark = (
                _checked(path, str, "path"),
                _checked(size, int, "size"),
                None if etag is None else _checked(etag, str, "etag"),
            )
            marks_by_slot.setdefault(_checked(slot, str, "slot"), []).append(mark)
    except (pa.ArrowException, OSError, ValueError, KeyError) as error:
        raise _damaged(str(place), str(error)[:200]) from None
    return {slot: tuple(marks) for slot, marks in marks_by_slot.items()}
