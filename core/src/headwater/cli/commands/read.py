"""`headwater read`: a window's rows, to a file."""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from headwater.cli.options import (
    AsOf,
    Config,
    Debug,
    End,
    Engine,
    Every,
    Json,
    Last,
    Name,
    Sample,
    Since,
    Start,
    Timeout,
    Timezone,
    opened,
    terminal_of,
    whole_window,
)
from headwater.cli.strictness import FailOn, Finding, of_read, strictly

if TYPE_CHECKING:
    from headwater.cli.terminal import Terminal
    from headwater.interfaces.read_stats import ReadStats
    from headwater.reading.dataset import Dataset


def read(
    ctx: typer.Context,
    connection: Name,
    out: Annotated[
        Path,
        typer.Option(
            "--out",
            "-o",
            help="A file; a folder in which it is called part-0; or - for standard output.",
        ),
    ],
    start: Start = None,
    end: End = None,
    last: Last = None,
    since: Since = None,
    every: Every = None,
    timezone: Timezone = None,
    format: Annotated[
        str | None,
        typer.Option(
            "--format",
            "-f",
            help="parquet, csv, jsonl, arrow or a plugin's.  [default: by the file's ending; "
            "parquet in a folder, csv to -]",
            show_default=False,
        ),
    ] = None,
    overwrite: Annotated[
        bool, typer.Option("--overwrite", help="Replace the file if there is one.")
    ] = False,
    as_of: AsOf = None,
    engine: Engine = None,
    sample: Sample = None,
    evidence: Annotated[
        Path | None,
        typer.Option(
            "--evidence",
            help="Write what was read, how and by whom to this JSON file: see replay. "
            "With --every, a folder.",
            show_default=False,
        ),
    ] = None,
    fail_on: FailOn = None,
    timeout: Timeout = None,
    config: Config = None,
    json: Json = False,
    debug: Debug = False,
) -> None:
    """Write the rows of a window to a file, whole or not at all.

    To standard output they are written as they come. Rows of CSV and JSON lines are in time order,
    unless the query names an order.

    With --every, to a folder: a file for each window, called by its start in UTC. The answer is no
    if --fail-on says so; the files are written all the same.
    """
    from headwater.reading.dataset import Dataset, EmptyReadWarning
    from headwater.reading.file_writer import write_stream

    whole_window(start, end, last, since, every)
    terminal = terminal_of(ctx)
    streamed = str(out) == "-"
    if streamed and (every is not None or json):
        raise typer.BadParameter("--out - gives the rows alone: leave out --every and --json")
    written_as = format or _format_of(out, terminal, streamed=streamed, many=every is not None)
    options: dict[str, Any] = {
        "last": last,
        "since": since,
        "timezone": timezone,
        "as_of": as_of,
        "engine": engine,
        "sample": sample,
        "timeout": timeout,
        "digests": evidence is not None,
    }
    with opened(ctx, config) as workspace, warnings.catch_warnings():
        # The verdict on an empty read is part of the answer below.
        warnings.simplefilter("ignore", EmptyReadWarning)
        chosen = workspace.connection(connection)
        with terminal.progress(f"planning {chosen.name}"):
            data = chosen.read(start, end, every=every, **options)
        if isinstance(data, Dataset):
            with terminal.progress(lambda: f"reading {chosen.name}: {data.stats.rows:,} rows"):
                if streamed:
                    write_stream(data, terminal.bytes_out(), written_as)
                    path = Path("standard output")
                else:
                    path = data.write(out, format=written_as, overwrite=overwrite)
            (terminal.note if streamed else terminal.say)(_summary(data.stats, path))
            failed = strictly(terminal, fail_on, of_read(data.plan, data.stats))
            answer = {**_answer(data, path), **_evidence(data, evidence)}
            terminal.emit({**answer, "failed_on": failed})
            if failed:
                raise typer.Exit(1)
            return
        written: list[dict[str, Any]] = []
        findings: set[Finding] = set()
        out.mkdir(parents=True, exist_ok=True)
        for one in data:
            target = out / f"{_start_name(one)}{_file_ending(format)}"
            with terminal.progress(lambda: f"reading {chosen.name}: {len(written)} windows"):
                path = one.write(target, format=written_as, overwrite=overwrite)
            evidence_path = None if evidence is None else evidence / f"{_start_name(one)}.json"
            answer = {**_answer(one, path), **_evidence(one, evidence_path)}
            written.append({**answer, "window": _window_of(one)})
            terminal.say(_summary(one.stats, path))
            findings |= of_read(one.plan, one.stats)
    failed = strictly(terminal, fail_on, findings)
    answer = {"connection": chosen.name, "every": every, "windows": written}
    terminal.emit({**answer, "failed_on": failed})
    if failed:
        raise typer.Exit(1)


def _start_name(data: Dataset) -> str:
    """Return the start of a dataset's window for a file name: in UTC, as short as possible."""
    assert data.window is not None, "there is one for each window"
    start = data.window.start
    if start.time() == start.time().min:
        return f"{start:%Y-%m-%d}"
    return f"{start:%Y-%m-%dT%H%M%SZ}" if start.second else f"{start:%Y-%m-%dT%H%MZ}"


def _file_ending(format: str | None) -> str:
    from headwater.reading.file_writer import FORMATS

    return FORMATS.get(format or "parquet", f".{format}")


def _window_of(data: Dataset) -> dict[str, str]:
    assert data.window is not None, "there is one for each window"
    return {"start": data.window.start.isoformat(), "end": data.window.end.isoformat()}


def _format_of(out: Path, terminal: Terminal, *, streamed: bool, many: bool) -> str:
    from headwater.reading.file_writer import format_of

    if streamed:
        return "csv"
    if many:
        return "parquet"
    others = [spec.kind for spec in terminal.registry.writers()]
    return format_of(out, others) or "parquet"


def _evidence(data: Dataset, place: Path | None) -> dict[str, str]:
    """Save the evidence of a read; return its path and SHA-256."""
    if place is None:
        return {}
    evidence = data.evidence()
    return {"evidence": str(evidence.save(place)), "evidence_sha256": evidence.sha256}


def _answer(data: Dataset, path: Path) -> dict[str, Any]:
    return {
        "path": str(path),
        "connection": data.plan.connection,
        "engine": data.plan.engine,
        "stats": data.stats.to_dict(),
    }


def _summary(stats: ReadStats, path: Path) -> str:
    lines = [f"wrote {stats.rows:,} rows to {path}"]
    if stats.first and stats.last:
        lines.append(f"  from {stats.first.isoformat()} to {stats.last.isoformat()}")
    lines += [
        f"  {name} is known for {count:,} rows ({count / stats.rows:.1%})"
        for name, count in stats.actuals.items()
        if stats.rows
    ]
    if stats.null_ids:
        lines.append(f"  {stats.null_ids:,} rows have no id")
    if stats.conflicts:
        lines.append(f"  {stats.conflicts:,} rows have actuals that contradict each other")
    findings = [*stats.notes, *([stats.verdict] if stats.verdict else [])]
    lines += [f"  {line}" for finding in findings for line in finding.render().splitlines()]
    return "\n".join(lines)
