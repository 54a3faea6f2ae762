"""The program as a process: pipes, terminals, signals."""

import json
import os
import pty
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

import pytest
from core.tests.cli import predictions
from core.tests.cli.support import Program
from core.tests.fake_distributions import Site

from headwater.interfaces.hookspecs import hookimpl

HEADWATER = Path(sys.executable).with_name("headwater")
SLOW_ENGINE = """
    import sys, time
    from contextlib import contextmanager
    from datetime import UTC, datetime

    from headwater.interfaces.hookspecs import hookimpl
    from headwater.interfaces.specs import EngineSpec


    class SlowEngine:
        name = "slow"
        capabilities = frozenset()

        def unavailable(self):
            return None

        def refusals(self, plan):
            return ()

        @contextmanager
        def read(self, plan, access):
            yield Stream()


    class Stream:
        def __init__(self):
            import pyarrow as pa

            moment = datetime(2026, 1, 1, tzinfo=UTC)
            self.batch = pa.record_batch({
                "id": ["a"],
                "timestamp": pa.array([moment], pa.timestamp("us", "UTC")),
                "amount": [1.0],
                "will_buy": [True],
                "actual_will_buy": [True],
            })
            self.schema = self.batch.schema

        def __iter__(self):
            yield self.batch
            print("one batch was given", file=sys.stderr, flush=True)
            time.sleep(60)


    @hookimpl
    def headwater_engines():
        return [EngineSpec("slow", f"{__name__}:SlowEngine", "gives a batch, then sleeps")]
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    predictions.write(tmp_path)
    return tmp_path


@pytest.fixture
def slow(folder: Path) -> Iterator[subprocess.Popen[str]]:
    """A read whose engine has given one batch and sleeps."""
    packages = folder / "packages"
    packages.mkdir()
    Site(packages).install("acme-slow", SLOW_ENGINE)
    process = subprocess.Popen(
        [HEADWATER, "read", "serving", "--engine", "slow", "--out", "out"],
        # Where the tests run in the background of a shell, they inherit that ^C is ignored.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(packages)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    with process:
        assert process.stderr is not None
        assert process.stderr.readline() == "one batch was given\n"
        yield process
        process.kill()


@pytest.mark.parametrize(
    ("number", "code", "said"),
    [
        (signal.SIGINT, 130, "interrupted: nothing was left half-written\n"),
        (signal.SIGTERM, 143, ""),
        (signal.SIGKILL, -signal.SIGKILL, ""),
    ],
)
def test_a_read_that_is_stopped_leaves_nothing(
    slow: subprocess.Popen[str], folder: Path, number: signal.Signals, code: int, said: str
) -> None:
    slow.send_signal(number)
    out, err = slow.communicate(timeout=60)
    assert (slow.returncode, out, err) == (code, "", said)
    assert list((folder / "out").iterdir()) == []


def test_a_closed_pipe_is_no_drama(folder: Path) -> None:
    done = subprocess.run(
        ["bash", "-c", f"{HEADWATER} plan serving --json | true; echo ${{PIPESTATUS[0]}}"],
        cwd=folder,
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stderr == ""
    assert done.stdout.strip() in ("0", "1")


def watched(folder: Path, *arguments: str) -> tuple[str, str]:
    """Run the program with stderr on a terminal and stdout in a pipe; return what each got."""
    leader, follower = pty.openpty()
    process = subprocess.Popen(
        [HEADWATER, *arguments],
        cwd=folder,
        env={**os.environ, "TERM": "xterm-256color"},
        stdout=subprocess.PIPE,
        stderr=follower,
        text=True,
    )
    os.close(follower)
    shown = b""
    while True:
        try:
            piece = os.read(leader, 4096)
        except OSError:  # EIO: the other side is closed
            break
        if not piece:
            break
        shown += piece
    out, _ = process.communicate(timeout=60)
    os.close(leader)
    assert process.returncode == 0, shown
    return out, shown.decode()


def test_json_stays_pure_while_a_person_watches(folder: Path) -> None:
    out, shown = watched(folder, "read", "serving", "--out", "rows.parquet", "--json")
    assert json.loads(out)["stats"]["rows"] == 40
    assert "reading insurance/v1/serving" in shown
    assert "\x1b" in shown


def test_the_module_is_a_program_too(folder: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "headwater", "plugins", "--json"],
        cwd=folder,
        capture_output=True,
        text=True,
        check=True,
    )
    assert json.loads(done.stdout)["plugins"][0]["name"] == "core"


def test_an_observers_failure_is_one_line(folder: Path) -> None:
    packages = folder / "packages"
    packages.mkdir()
    Site(packages).install(
        "acme-observer",
        """
        from headwater.interfaces.hookspecs import hookimpl

        @hookimpl
        def headwater_plan_created(plan):
            raise RuntimeError("lineage is down")
        """,
    )
    command = [str(HEADWATER), "plan", "training"]
    environ = {**os.environ, "PYTHONPATH": str(packages)}
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, env=environ)
    assert done.returncode == 0
    assert done.stderr == (
        "warning: plugin acme-observer 1.0: headwater_plan_created failed; the read goes on "
        "(RuntimeError: lineage is down)\n"
    )


def test_with_debug_an_observers_failure_is_told_whole(headwater: Program, folder: Path) -> None:
    def fails(plan: object) -> None:
        raise RuntimeError("lineage is down")

    headwater.modules = [
        SimpleNamespace(__name__="observer", headwater_plan_created=hookimpl(fails))
    ]
    assert headwater("plan", "training").err.count("\n") == 1
    told = headwater("plan", "training", "--debug").err
    assert "Traceback" in told
    assert told.endswith("RuntimeError: lineage is down\n")
