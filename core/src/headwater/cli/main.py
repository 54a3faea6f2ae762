"""Entry of the `headwater` program."""

from __future__ import annotations

import signal
import sys
import threading
from collections.abc import Sequence
from typing import TYPE_CHECKING, NoReturn

from headwater.cli.program import program
from headwater.cli.terminal import Terminal
from headwater.display.language import of_files
from headwater.errors import HeadwaterError
from headwater.plugins.registry import PluginRegistry

if TYPE_CHECKING:
    from types import FrameType

OK = 0
NO = 1
USAGE = 2
"""Given by typer itself."""
FAULT = 70
"""A fault of the program, not an answer (EX_SOFTWARE of sysexits.h)."""
INTERRUPTED = 128 + signal.SIGINT
"""Given by typer itself, too."""
TERMINATED = 128 + signal.SIGTERM


def main() -> NoReturn:
    """Run the program with the arguments of this process."""
    if threading.current_thread() is threading.main_thread():
        # A terminated program unwinds, so that nothing half-written stays.
        signal.signal(signal.SIGTERM, _terminated)
    sys.exit(run(sys.argv[1:]))


def run(arguments: Sequence[str], registry: PluginRegistry | None = None) -> int:
    """Run the program and return its exit code.

    Args:
        arguments: What follows the program's name.
        registry: The plugins; default: those that are installed.

    Returns:
        0 if all is well, 1 if the answer is no, 2 on wrong usage, 130 on Ctrl-C, 70 on a fault of
        the program itself.
    """
    terminal = Terminal(registry or PluginRegistry())
    with terminal.logging(), of_files():
        try:
            program().main(args=list(arguments), prog_name="headwater", obj=terminal)
        except SystemExit as stop:
            code = stop.code if isinstance(stop.code, int) else OK
            if code == INTERRUPTED:
                terminal.note("interrupted: nothing was left half-written")
            return code
        except KeyboardInterrupt:
            terminal.note("interrupted: nothing was left half-written")
            return INTERRUPTED
        except HeadwaterError as error:
            terminal.refuse(error)
            return NO
        except Exception as error:  # noqa: BLE001 -- the last line of defence
            terminal.confess(error)
            return FAULT
    return OK


def _terminated(number: int, frame: FrameType | None) -> NoReturn:
    raise SystemExit(TERMINATED)
