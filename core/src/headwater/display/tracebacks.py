"""How a notebook shows an error: what is wrong first, then the caller's lines."""

from __future__ import annotations

import sys
import traceback
from pathlib import Path
from typing import TYPE_CHECKING

from headwater.display.printable import printable

if TYPE_CHECKING:
    from types import FrameType

_HIDDEN = "headwater's own frames are left out: traceback.print_exception(error) shows them"


def rendered(error: BaseException) -> list[str]:
    """Return the lines to show of an error of ours.

    Args:
        error: As it was raised.
    """
    lines = [printable(f"{type(error).__name__}: {error}")]
    cause = error.__cause__
    if cause is not None and (message := str(cause).strip()):
        lines.append(printable(f"caused by {type(cause).__name__}: {message.splitlines()[0]}"))
    frames = list(traceback.walk_tb(error.__traceback__))
    own = traceback.StackSummary.extract(pair for pair in frames if not _is_hidden(pair[0]))
    if own:
        lines += ["", *"".join(traceback.format_list(own)).rstrip().splitlines()]
    if len(own) < len(frames):
        lines.append(f"  ({_HIDDEN})")
    return lines


def _is_hidden(frame: FrameType) -> bool:
    """Return whether a frame is of headwater, a notebook, a package, or Python itself."""
    package = str(frame.f_globals.get("__name__", "")).partition(".")[0]
    if package in ("headwater", "IPython", "ipykernel") or package.startswith("headwater_"):
        return True
    path = Path(frame.f_code.co_filename)
    return "site-packages" in path.parts or path.is_relative_to(Path(sys.base_prefix, "lib"))


def callers_level() -> int:
    """Return the `stacklevel` of a caller's warning that points at whoever called headwater."""
    frame, level = sys._getframe(1), 1
    while frame.f_back is not None and _is_hidden(frame):
        frame, level = frame.f_back, level + 1
    return level
