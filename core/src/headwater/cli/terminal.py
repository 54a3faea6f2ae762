"""Terminal: where a command writes its answer, progress and errors.

The answer goes to stdout: text for a person, or one JSON document and nothing else. Progress,
warnings and errors go to stderr. Nothing is coloured, wrapped or animated unless a person watches.
"""

from __future__ import annotations

import io
import json
import logging
import os
import sys
import traceback
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import IO, TYPE_CHECKING, Any, Final, TextIO

from headwater.diagnostics import render_all
from headwater.display.printable import json_text, printable, printable_line
from headwater.display.progress import heard_by
from headwater.errors import ConfigError, HeadwaterError

if TYPE_CHECKING:
    from rich.console import Console

    from headwater.plugins.registry import PluginRegistry

_STYLES: Final = {
    r"(?m)^\s*(ok)\s": "green",
    r"(?m)^\s*(loaded)\s": "green",
    r"(?m)^\s*(warn|refused|skip)\s": "yellow",
    r"(?m)^\s*(FAIL|broken)\s": "bold red",
    r"(?m)^(error)\b": "bold red",
    r"(?m)^\s*(error)\[": "bold red",
    r"(?m)^\s*(warning)[\[:]": "yellow",
    r"(?m)^\s*\|\s*(\^+)$": "bold red",
    r"(?m)^\s*(hint):": "cyan",
}
"""Words that are coloured where a person watches."""


_HANGS: Final = (
    r"\s*(?:(?:ok|warn|FAIL|skip)\s+\S+\s+|hint: |= |(?:error|warning)(?:\[[\w-]+\])?: |- "
    r"|\w+ {2,})?"
)
"""What a line begins with that what it goes on with is put below."""


class Terminal:
    """The program's output. Carried by every command's context as `ctx.obj`.

    Args:
        registry: The plugins of this run.
        out: Where the answer goes; default: stdout.
        err: Where everything else goes; default: stderr.
    """

    def __init__(
        self, registry: PluginRegistry, out: TextIO | None = None, err: TextIO | None = None
    ) -> None:
        self.registry = registry
        self._out = out or sys.stdout
        self._err = err or sys.stderr
        self.json = False
        self.debug = False

    def say(self, text: str) -> None:
        """Give (a part of) the answer to a person; silent under `--json`."""
        if not self.json:
            self._write(self._out, text)

    def table(self, rows: Iterable[Sequence[str]], *, indent: str = "") -> None:
        """Give rows to a person, in columns; the last column is as long as it is."""
        rows = [tuple(map(printable_line, row)) for row in rows]
        widths = [max(map(len, column)) for column in zip(*rows, strict=True)][:-1]
        for row in rows:
            cells = [cell.ljust(width) for cell, width in zip(row, widths, strict=False)]
            self.say((indent + "  ".join([*cells, row[-1]])).rstrip())

    def emit(self, answer: Any) -> None:
        """Give the answer to a program; silent without `--json`."""
        if self.json:
            self._write_now(self._out, json_text(json.dumps(answer, indent=2, ensure_ascii=False)))

    def bytes_out(self) -> IO[bytes]:
        """Return where an answer goes that is bytes: nothing else is written there."""
        self._out.flush()
        buffer: IO[bytes] = self._out.buffer
        return buffer

    def warn(self, text: str) -> None:
        """Print a warning beside the answer."""
        self.note(f"warning: {text}")

    def note(self, text: str) -> None:
        """Print a text that is not part of the answer."""
        self._write(self._err, text)

    def refuse(self, error: HeadwaterError) -> None:
        """Print why there is no answer: message, hint, findings; with `--debug` the causes."""
        self.emit({"error": error.to_dict()})
        lines = [f"error: {error.headline}"]
        if error.diagnostics:
            lines.append(render_all(error.diagnostics))
        if error.hint:
            lines.append("  hint: " + error.hint.replace("\n", "\n        "))
        self._write(self._err, "\n".join(lines))
        self._causes(error)

    def confess(self, error: Exception) -> None:
        """Print a fault of the program itself."""
        what = f"{type(error).__name__}: {error}"
        hint = "this is a fault of headwater or of a plugin"
        self.emit({"error": {"code": "fault", "message": what, "hint": hint, "retryable": False}})
        again = "" if self.debug else "; run again with --debug to see where"
        self._write(self._err, f"error: {what}\n  hint: {hint}{again}")
        self._causes(error)

    @contextmanager
    def progress(self, label: str | Callable[[], str]) -> Iterator[None]:
        """Show that something is going on while the block runs, if a person watches.

        Args:
            label: What is going on; a function is asked again and again.
        """
        if not _watched(self._err):
            yield
            return
        from rich.live import Live
        from rich.spinner import Spinner
        from rich.text import Text

        spinner = Spinner("dots")
        closer: list[str] = []

        def hear(what: str | None) -> None:
            closer[:] = [what] if what else []

        def shown() -> Spinner:
            text = label if isinstance(label, str) else label()
            text = ": ".join([text, *closer])
            # A str would be read as markup, which a name of others may hold.
            spinner.update(text=Text(printable_line(text)))
            return spinner

        live = Live(
            get_renderable=shown, console=_console(self._err), transient=True, refresh_per_second=8
        )
        with heard_by(hear), live:
            yield

    @contextmanager
    def logging(self) -> Iterator[None]:
        """Show the library's log on stderr: errors, and everything under `--debug`."""
        handler = _LogHandler(self)
        log = logging.getLogger("headwater")
        before = log.level
        log.addHandler(handler)
        log.setLevel(logging.DEBUG)
        try:
            yield
        finally:
            log.removeHandler(handler)
            log.setLevel(before)

    def _causes(self, error: BaseException) -> None:
        if self.debug:
            self._write(self._err, "".join(traceback.format_exception(error)).rstrip())

    def _write(self, stream: TextIO, text: str) -> None:
        text = printable(text)
        if _watched(stream) and not os.environ.get("NO_COLOR"):
            from rich.text import Text

            styled = Text(_hanging(text, _console(stream).width))
            for pattern, style in _STYLES.items():
                for start, end in _groups(pattern, styled.plain):
                    styled.stylize(style, start, end)
            _console(stream).print(styled, soft_wrap=True)
        else:
            self._write_now(stream, text)

    def _write_now(self, stream: TextIO, text: str) -> None:
        """Write to a stream, at once: what is listed piece by piece arrives so, in a pipe too.

        Raises:
            BrokenPipeError: If nobody reads it any more, which ends the program.
            ConfigError: `write-failed`, if it can't be written.
        """
        try:
            stream.write(text + "\n")
            stream.flush()
        except BrokenPipeError:
            raise
        except OSError as error:
            if stream is self._err:
                return  # there is nowhere left to say it
            self._out = io.StringIO()
            raise ConfigError(
                f"the answer can't be written to standard output: {error.strerror or error}",
                code="write-failed",
                hint="where it goes to must be writable, and have room",
            ) from error


class _LogHandler(logging.Handler):
    """Writes one line a record; tracebacks of observers only under `--debug`."""

    def __init__(self, terminal: Terminal) -> None:
        super().__init__()
        self._terminal = terminal

    def emit(self, record: logging.LogRecord) -> None:
        if self._terminal.debug:
            where = f"{record.levelname.lower()}: {record.name}"
            self._terminal.note(f"{where}: {self.format(record)}")
        elif record.levelno >= logging.ERROR:
            cause = record.exc_info[1] if record.exc_info else None
            why = f" ({type(cause).__name__}: {cause})" if cause else ""
            self._terminal.warn(record.getMessage() + why)


def _hanging(text: str, width: int) -> str:
    """Return a text whose long lines go on below themselves, not at the edge of the screen.

    A quoted line of a query, and a mark under it, stay as they are.
    """
    import re
    import textwrap

    lines = []
    for line in text.split("\n"):
        indent = re.match(_HANGS, line)
        if len(line) <= width or re.match(r"\s*\d*\s*\|", line) or not line.strip():
            lines.append(line)
            continue
        depth = len(indent[0]) if indent else 0
        depth = min(depth if line.strip() != line or depth else 2, width // 2)
        parts = textwrap.wrap(
            line,
            width,
            subsequent_indent=" " * depth,
            break_long_words=False,
            break_on_hyphens=False,
        )
        # What is too long by itself, a path or a name, is left as it is: it may be copied.
        lines += parts if all(len(part) <= width for part in parts) else [line]
    return "\n".join(lines)


def _watched(stream: TextIO) -> bool:
    """Return whether a person watches a stream on a terminal that can do more than text."""
    return stream.isatty() and os.environ.get("TERM") != "dumb"


def _console(stream: TextIO) -> Console:
    from rich.console import Console

    return Console(file=stream, highlight=False, markup=False, emoji=False)


def _groups(pattern: str, text: str) -> Iterator[tuple[int, int]]:
    import re

    return (match.span(1) for match in re.finditer(pattern, text))
