"""A headless Chromium that opens a page and says what it saw."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path

import pytest

_NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
_FLAGS = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--hide-scrollbars",
    "--allow-file-access-from-files",
    "--enable-logging=stderr",
    "--virtual-time-budget=2000",
    "--host-resolver-rules=MAP * ~NOTFOUND",  # nothing leaves this machine
)
OWN = "not an origin"
"""Who asked for what the browser wants for itself."""


@dataclass(frozen=True, slots=True)
class Seen:
    """What a browser made of a page.

    Args:
        dom: The page as it became, as HTML.
        console: What was said on the console.
        requests: The addresses that were asked for, but those of files.
    """

    dom: str
    console: tuple[str, ...]
    requests: tuple[str, ...]


def chromium() -> str:
    """The program; without one the test is skipped, and says so."""
    found = next((place for name in _NAMES if (place := shutil.which(name))), None)
    if found is None:
        pytest.skip("NO CHROMIUM on this machine: the report was opened in no browser")
    return found


def opened(page: Path, *, width: int = 1200, dark: bool = False) -> Seen:
    """Open a page of this machine, and return what became of it."""
    with tempfile.TemporaryDirectory() as profile:
        log = Path(profile) / "net.json"
        command = [chromium(), *_FLAGS, f"--user-data-dir={profile}/data", f"--log-net-log={log}"]
        command += [f"--window-size={width},2000", "--dump-dom"]
        command += ["--force-dark-mode"] if dark else []
        done = subprocess.run(
            [*command, page.as_uri()], capture_output=True, text=True, check=False, timeout=90
        )
        assert done.returncode == 0, done.stderr
        told = re.findall(r":CONSOLE[:(].*?\] (.*)", done.stderr)
        return Seen(done.stdout, tuple(told), _requests(log))


def _requests(log: Path) -> tuple[str, ...]:
    """The addresses in a log of the network that a page asked for, but those of files."""
    text = log.read_text(encoding="utf-8", errors="replace").rstrip()
    try:
        events = json.loads(text)["events"]
    except json.JSONDecodeError:  # a browser that was ended early leaves its log open
        events = json.loads(text.rstrip(",") + "]}")["events"]
    pages = [e["params"] for e in events if e.get("params", {}).get("initiator", OWN) != OWN]
    inside = ("file:", "data:")
    return tuple(sorted({p["url"] for p in pages if not p["url"].startswith(inside)}))
