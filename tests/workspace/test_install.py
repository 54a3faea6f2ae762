"""Installing a lock: what is shown, how often, and what it ends with."""

import subprocess
import sys
from pathlib import Path

import pytest
from requirements import install

SCRIPT = Path(install.__file__)

PIP_SAYS = [
    "Ignoring colorama: markers 'sys_platform == \"win32\"' don't match your environment\n",
    "Requirement already satisfied: pip==24.2 in ./.venv (from -r dev.txt (line 1)) (24.2)\n",
    "Collecting attrs==26.1.0 (from -r dev.txt (line 9))\n",
    "  Downloading attrs-26.1.0-py3-none-any.whl (512 kB)\n",
    "Collecting pyspark==4.1.4 (from -r dev.txt (line 12))\n",
    "  Downloading pyspark-4.1.4-py2.py3-none-any.whl (400.5 MB)\n",
    "Installing collected packages: attrs, pyspark\n",
    "Successfully installed attrs-26.1.0 pyspark-4.1.4\n",
]


def told(lines, *, seconds: float, every: float = 10.0) -> list[str]:
    """What is said where a line comes every so many seconds."""
    times = iter(range(100))
    said: list[str] = []
    progress = install.Progress(4, unpacked=lambda: 2)
    install.follow(lines, progress, said.append, clock=lambda: seconds * next(times), every=every)
    return said


def test_each_line_says_the_package_the_size_and_the_time():
    assert told(PIP_SAYS, seconds=10) == [
        "fetching package 0 of 3; 10 s",
        "fetching package 1 of 3: pip==24.2; 20 s",
        "fetching package 2 of 3: attrs==26.1.0; 30 s",
        "fetching package 2 of 3: attrs==26.1.0 (512 kB); 40 s",
        "fetching package 3 of 3: pyspark==4.1.4; 50 s",
        "fetching package 3 of 3, 401 MB: pyspark==4.1.4 (400.5 MB); 60 s",
        "unpacked 2 of 3 packages; 70 s",
        "unpacked 2 of 3 packages; 80 s",
    ]


def test_a_quick_install_says_only_that_it_unpacks():
    assert told(PIP_SAYS, seconds=0.1) == ["unpacked 2 of 3 packages; 1 s"]


def test_a_package_that_takes_long_is_not_silent():
    waiting = [*PIP_SAYS[:6], *[None] * 25]
    assert told(waiting, seconds=1) == [
        "fetching package 3 of 3, 401 MB: pyspark==4.1.4 (400.5 MB); 10 s",
        "fetching package 3 of 3, 401 MB: pyspark==4.1.4 (400.5 MB); 20 s",
        "fetching package 3 of 3, 401 MB: pyspark==4.1.4 (400.5 MB); 30 s",
    ]


@pytest.mark.parametrize("lock", ["demo.txt", "dev.txt", "bench.txt", "judge.txt", "release.txt"])
def test_every_package_of_a_lock_is_counted(lock):
    text = (SCRIPT.parent / lock).read_text()
    assert install.pins(text) == len(
        [p for p in text.splitlines() if "==" in p and p[0] not in " #"]
    )


def test_lines_come_as_they_are_printed_and_silence_is_told():
    code = "import time; print('a', flush=True); time.sleep(1.5); print('b'); raise SystemExit(3)"
    lines, wait = install.run([sys.executable, "-c", code])
    assert list(lines)[:3] == ["a\n", None, "b\n"]
    assert wait() == 3


def test_what_pip_refuses_is_shown_and_ends_in_its_status(tmp_path):
    lock = tmp_path / "broken.txt"
    lock.write_text("nowhere==1.0 --hash=sha256:none\n")
    ended = subprocess.run(
        [sys.executable, SCRIPT, "setup", str(lock)], capture_output=True, text=True, check=False
    )
    assert ended.returncode != 0
    first, *more = ended.stdout.splitlines()
    assert first == f"setup: installing the locked dependencies ({lock})"
    assert not [line for line in more if "fetching" not in line]  # on a machine that takes long
    assert ended.stderr
