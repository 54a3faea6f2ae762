"""Install a lock with pip, and say every few seconds how far that is.

    python requirements/install.py setup requirements/dev.txt

The environment is this Python's own. pip's errors and warnings are shown as they come; of the rest,
which is a line or more for each of some 190 packages, a count is.
"""

from __future__ import annotations

import queue
import re
import subprocess
import sys
import sysconfig
import threading
import time
from collections.abc import Callable, Iterable
from pathlib import Path

EVERY = 10.0  # seconds between two lines
_UNITS = {"bytes": 1e-6, "kB": 1e-3, "MB": 1.0, "GB": 1e3}

# What is never imported needs no bytecode: compiling all takes three times as long as the rest, and
# Python compiles what it does import. A lock is complete, so pip need not resolve it (nor stumble
# over extras, which locks leave out).
PIP = (
    *("-m", "pip", "--disable-pip-version-check", "--no-input", "install"),
    *("--no-compile", "--no-deps", "--require-hashes", "--progress-bar=off"),
)


class Progress:
    """What pip has said so far, in a sentence."""

    def __init__(self, packages: int, unpacked: Callable[[], int]) -> None:
        self.packages = packages
        self._unpacked = unpacked
        self._seen = 0
        self._megabytes = 0.0
        self._at = ""
        self.unpacking = False

    def heard(self, line: str) -> None:
        """Take in a line of pip's."""
        if line.startswith("Ignoring "):
            self.packages -= 1
        elif package := re.match(r"(?:Collecting|Requirement already satisfied:) (\S+)", line):
            self._seen += 1
            self._at = package[1]
        elif size := re.match(r"\s+Downloading \S+ \(([\d.]+) (bytes|[kMG]B)\)", line):
            self._megabytes += float(size[1]) * _UNITS[size[2]]
            self._at += f" ({size[1]} {size[2]})"
        elif line.startswith("Installing collected packages"):
            self.unpacking = True

    def __str__(self) -> str:
        if self.unpacking:
            return f"unpacked {self._unpacked()} of {self.packages} packages"
        size = f", {self._megabytes:.0f} MB" if self._megabytes >= 1 else ""
        at = f": {self._at}" if self._at else ""
        return f"fetching package {self._seen} of {self.packages}{size}{at}"


def pins(lock: str) -> int:
    """Count the packages of a lock; a marker may yet spare this machine some of them."""
    return len(re.findall(r"^[A-Za-z0-9][^\s=]*==", lock, re.MULTILINE))


def follow(
    lines: Iterable[str | None],
    progress: Progress,
    say: Callable[[str], None],
    *,
    clock: Callable[[], float] = time.monotonic,
    every: float = EVERY,
) -> None:
    """Hear lines, of which None means that none came, and say how far it is every so often."""
    started = said = clock()
    for line in lines:
        before = progress.unpacking
        if line is not None:
            progress.heard(line)
        now = clock()
        if now - said >= every or progress.unpacking != before:
            said = now
            say(f"{progress}; {now - started:.0f} s")


def run(command: list[str]) -> tuple[Iterable[str | None], Callable[[], int]]:
    """Start a command: its lines, with None in each second without, and what waits for its end."""
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, errors="replace")
    heard: queue.Queue[str | None] = queue.Queue()

    def listen() -> None:
        assert process.stdout is not None
        with process.stdout:
            for line in process.stdout:
                heard.put(line)
        heard.put(None)

    reader = threading.Thread(target=listen, daemon=True)
    reader.start()

    def lines() -> Iterable[str | None]:
        while reader.is_alive() or not heard.empty():
            try:
                yield heard.get(timeout=1.0)
            except queue.Empty:
                yield None

    return lines(), process.wait


def main(label: str, lock: str) -> int:
    """Install the lock; what pip exits with is given."""

    def say(text: str) -> None:
        print(f"{label}: {text}", flush=True)

    started = time.monotonic()
    site = Path(sysconfig.get_path("purelib"))
    present = len(list(site.glob("*.dist-info")))
    progress = Progress(
        pins(Path(lock).read_text(encoding="utf-8")),
        unpacked=lambda: len(list(site.glob("*.dist-info"))) - present,
    )
    say(f"installing the locked dependencies ({lock})")
    lines, wait = run([sys.executable, *PIP, "-r", lock])
    follow(lines, progress, say)
    if (status := wait()) == 0:
        say(f"{progress.packages} packages installed in {time.monotonic() - started:.0f} s")
    return status


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
