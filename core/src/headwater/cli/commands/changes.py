"""`headwater changes`: which windows changed since they were handed over."""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from headwater.cli.options import (
    Config,
    Debug,
    End,
    Engine,
    Every,
    Json,
    Last,
    Name,
    Since,
    Start,
    Timeout,
    Timezone,
    opened,
    step_of,
    terminal_of,
    whole_window,
)

if TYPE_CHECKING:
    from headwater.changes.changes import Change, Changes
    from headwater.cli.terminal import Terminal
    from headwater.errors import HeadwaterError
    from headwater.ledger.ledger import Ledger
    from headwater.workspace.model import Connection
    from headwater.workspace.workspace import Workspace


def changes(
    ctx: typer.Context,
    connection: Name,
    start: Start = None,
    end: End = None,
    last: Last = None,
    since: Since = None,
    every: Every = None,
    timezone: Timezone = None,
    out: Annotated[
        Path | None,
        typer.Option(
            "--out",
            "-o",
            help="A folder: write each changed window to its file there, and hand it over.",
            show_default=False,
        ),
    ] = None,
    ledger: Annotated[
        Path | None,
        typer.Option(
            "--ledger",
            help="The ledger's file.  [default: the file's `ledger`]",
            show_default=False,
        ),
    ] = None,
    partial: Annotated[
        bool, typer.Option("--partial", help="Offer windows that are not over yet, too.")
    ] = False,
    forward: Annotated[
        bool,
        typer.Option("--forward", help="Leave old windows as they are where the query changed."),
    ] = False,
    done: Annotated[
        str | None,
        typer.Option(
            "--done",
            help="Put into the ledger that the window of this key was handed over; see --evidence.",
            metavar="KEY",
            show_default=False,
        ),
    ] = None,
    evidence: Annotated[
        Path | None,
        typer.Option(
            "--evidence",
            help="Of the read that was handed over: `read --as-of ... --evidence` writes it.",
            show_default=False,
        ),
    ] = None,
    engine: Engine = None,
    timeout: Timeout = None,
    config: Config = None,
    json: Json = False,
    debug: Debug = False,
) -> None:
    """Show which windows are new, or no longer what was handed over of them, and why.

    Reads no data; with --out it reads what changed, writes it, and says in the ledger that it did.
    With --done KEY --evidence FILE, a window is put into the ledger that was read by itself.
    """
    from headwater.windows.moments import asked_for

    if (done is None) is not (evidence is None):
        raise typer.BadParameter("--done KEY needs --evidence FILE, and is what that is for")
    if done is not None and (out or start or last or since):
        raise typer.BadParameter("--done KEY names its window: leave out START, END and --out")
    whole_window(start, end, last, since, every)
    terminal = terminal_of(ctx)
    with opened(ctx, config) as workspace:
        chosen = workspace.connection(connection)
        zone = timezone or chosen.windows.timezone
        if done is not None and evidence is not None:
            step = step_of(every, chosen)
            ledger_ = _ledger(workspace, ledger)
            with terminal.progress(f"comparing {chosen.name}"):
                current, rows = _record_done(
                    chosen, done, evidence, ledger_, step, zone, engine, timeout
                )
            terminal.emit({"key": current, "rows": rows})
            terminal.say(f"{current} is in the ledger: {rows:,} rows")
            return
        window = asked_for(start, end, zone, last=last, since=since)
        if window is None:
            raise typer.BadParameter("name START and END, --last or --since: the time to watch")
        with terminal.progress(f"comparing {chosen.name}"):
            changes_ = chosen.changes(
                window.start,
                window.end,
                every=step_of(every, chosen),
                ledger=_ledger(workspace, ledger),
                timezone=zone,
                partial=partial,
                definition="forward" if forward else "restate",
                engine=engine,
                timeout=timeout,
            )
        text, failed = str(changes_), {}
        if out is not None:
            failed = _hand_over(terminal, chosen, changes_, out)
            text += f"\n{_handed_over(changes_, failed, out)}"
    failures = {key: error.to_dict() for key, error in failed.items()}
    terminal.emit(changes_.to_dict() | ({"failed": failures} if failures else {}))
    terminal.say(text)
    if failed:
        raise typer.Exit(1)


def _record_done(
    chosen: Connection,
    key: str,
    place: Path,
    ledger: Ledger,
    step: str,
    zone: str,
    engine: str | None,
    timeout: str | None,
) -> tuple[str, int]:
    """Put a window into the ledger by the evidence of its read; return its key and its rows."""
    from headwater.errors import EvidenceError
    from headwater.evidence.evidence import Evidence

    recorded = Evidence.load(place)
    if any(entry.key == key for entry in ledger.entries.values()):
        return key, recorded.rows
    window = recorded.window
    if window is None:
        raise EvidenceError(
            f"{place} is of all rows, and no window",
            code="evidence-changed",
            hint="read the window of the change: its start and end",
        )
    changes = chosen.changes(
        window.start,
        window.end,
        every=step,
        ledger=ledger,
        now=recorded.as_of or recorded.read_at,
        timezone=zone,
        partial=True,
        engine=engine,
        timeout=timeout,
    )
    change = next((c for c in changes if c.key == key), None)
    if change is None:
        keys = ", ".join(c.key for c in changes) or "nothing"
        raise EvidenceError(
            f"{key} is not what is to be handed over of the evidence's window: that is {keys}",
            code="evidence-changed",
            hint="ask for the changes again; read with --as-of, the as_of that the change names",
        )
    return change.done(recorded), recorded.rows


def _ledger(workspace: Workspace, path: Path | None) -> Ledger:
    from headwater.ledger.ledger import Ledger

    return workspace.ledger() if path is None else Ledger.load(path)


def _hand_over(
    terminal: Terminal, chosen: Connection, changes: Changes, folder: Path
) -> dict[str, HeadwaterError]:
    """Write each change to its window's file, and put it into the ledger.

    A change that can't be read is skipped; the others are handed over.

    Returns:
        Why some were not, by the key of their window.
    """
    from headwater.errors import HeadwaterError, LedgerError, LedgerMovedError
    from headwater.partitions.rule_evidence import BROKEN
    from headwater.reading.dataset import EmptyReadWarning

    failed: dict[str, HeadwaterError] = {}
    with changes, warnings.catch_warnings():
        # A window without rows is an answer: its file has none.
        warnings.simplefilter("ignore", EmptyReadWarning)
        for number, change in enumerate(changes, start=1):
            doing = f"reading {chosen.name}: window {number:,} of {len(changes):,}"
            try:
                with terminal.progress(doing):
                    path = file_of(folder, change)
                    path.parent.mkdir(parents=True, exist_ok=True)
                    data = change.read()
                    data.write_parquet(path, overwrite=True)
                    change.done()
                    # Rows of other windows among its own: counted where the read saw some.
                    broken = any(note.code == BROKEN for note in data.stats.notes)
                    counted = change.warnings if broken else ()
                for found_so in counted:
                    terminal.warn(f"{change.window_key}: {found_so.message}")
            except HeadwaterError as error:
                if isinstance(error, LedgerError) and not isinstance(error, LedgerMovedError):
                    raise  # nothing can be handed over
                failed[change.window_key] = error
                terminal.warn(f"{change.window_key} stays as it was: {error.message}")
    return failed


def _handed_over(changes: Changes, failed: Mapping[str, HeadwaterError], folder: Path) -> str:
    written = [change for change in changes if change.window_key not in failed]
    restated = sum(not change.same for change in written)
    text = f"wrote {len(written):,} windows to {folder}, {restated:,} of them with other content"
    return f"{text}; {len(failed):,} failed" if failed else text


def file_of(folder: Path, change: Change) -> Path:
    """Return the file of a change's window in a folder: always the same one.

    Args:
        folder: Where the files of all windows are.
        change: The window's change.
    """
    return folder.joinpath(*change.window_key.replace(":", "").split("/")).with_suffix(".parquet")
