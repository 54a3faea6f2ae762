"""How a page's blocks are run.

`python`   runs. A block with `# raises: CODE` must raise an error of that code, or one with a
           diagnostic of it; what the error says counts as its output.
`console`  its commands run: every line; or, where lines begin with `$ `, those, and what stands
           below one is its expected output. `# exit 1` behind a command is expected of it.
`output`   what the block above wrote; `...` stands for anything.
`text`     is not run.

A block of `python`, `yaml`, `toml` or `sql` that begins with `# file: NAME` (`-- file: NAME`) is
saved under that name instead.

A block of `python` or `console` with `# needs: MODULE` is run where that can be imported, as in the
environment of the page in `make release-check`; elsewhere it is left out, which `left_out` says. A
page with `<!-- after: OTHER.md -->` goes on from the end of another one.

`python tests/docs/snippets.py PAGE` runs a page in the current folder, in any environment that
holds headwater, as `make release-check` does.
"""

from __future__ import annotations

import contextlib
import importlib.util
import io
import os
import re
import shlex
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from headwater.cli.main import run as program
from headwater.errors import HeadwaterError

BLOCK = re.compile(r"^```(\w+)[^\n]*\n(.*?)^```$", re.MULTILINE | re.DOTALL)
FILE = re.compile(r"(?:#|--|//) file: (\S+)")
RAISES = re.compile(r"# raises: (\S+)")
NEEDS = re.compile(r"# needs: (\S+)")
AFTER = re.compile(r"<!-- after: (\S+) -->")
EXIT = re.compile(r"\s+# exit (\d+)$")
ELSEWHERE = ("make demo", "make test", "pip install", "headwater demo")
"""Commands that CI runs by themselves, not inside a test."""


@dataclass(frozen=True)
class Block:
    """A fenced block of a page.

    Args:
        page: The page.
        line: 1-based line of its first line.
        language: The word behind its fence.
        text: What is in it.
    """

    page: Path
    line: int
    language: str
    text: str

    @property
    def asks_aws(self) -> bool:
        """Whether it needs the account: it asks AWS, and of no emulator of its own."""
        words = ("Glue", "glue", "S3Data", "type: s3")
        asks = any(word in self.text for word in words) and "Emulator" not in self.text
        return self.language != "text" and asks

    @property
    def missing(self) -> str | None:
        """The module that it needs and that is not here, if there is one."""
        needs = NEEDS.search(self.text) if self.language in ("python", "console") else None
        return needs[1] if needs and importlib.util.find_spec(needs[1]) is None else None

    @property
    def where(self) -> str:
        return f"{self.page}:{self.line}"


def blocks(page: Path) -> list[Block]:
    """Return the fenced blocks of a page, behind those of the page that it goes on from."""
    text = page.read_text(encoding="utf-8")
    after = AFTER.search(text)
    before = blocks(page.parent / after[1]) if after else []
    found = [
        Block(page, text[: m.start()].count("\n") + 2, m[1], m[2]) for m in BLOCK.finditer(text)
    ]
    fences = len(re.findall(r"^\s*```", text, re.MULTILINE))
    assert fences == 2 * len(found), f"{page}: a fence has no language, is indented, or is open"
    return before + found


def left_out(blocks: Sequence[Block]) -> list[str]:
    """Return the modules that blocks need and that are not here."""
    return sorted({block.missing for block in blocks if block.missing is not None})


def run(blocks: Sequence[Block]) -> None:
    """Run the blocks of one page."""
    names: dict[str, object] = {"__name__": "__main__"}
    written: str | None = ""
    for block in blocks:
        if block.missing is not None:
            written = None
            continue
        match block.language:
            case "python":
                if not write_file(block):
                    written = run_python(block, names)
            case "console":
                written = run_console(block)
            case "output":
                if written is not None:
                    expect(block.text, written, block.where)
            case "yaml" | "toml" | "sql" | "json":
                write_file(block)
            case "text":
                pass
            case other:
                raise AssertionError(f"{block.where}: nothing says how to run {other!r}")


def run_python(block: Block, names: dict[str, object]) -> str:
    """Run code, and return what it printed or what its error says."""
    padded = "\n" * (block.line - 1) + block.text  # so that a traceback names the page's own line
    code = compile(padded, str(block.page), "exec")
    raises = RAISES.search(block.text)
    with contextlib.redirect_stdout(io.StringIO()) as out:
        if raises is None:
            exec(code, names)
            return out.getvalue()
        try:
            exec(code, names)
        except HeadwaterError as raised:
            error = raised
        else:
            raise AssertionError(f"{block.where}: it raised nothing, and the page says {raises[1]}")
    codes = {error.code, *(d.code for d in getattr(error, "diagnostics", ()))}
    assert raises[1] in codes, f"{block.where}: raised {codes}: {error}"
    return f"{out.getvalue()}{type(error).__name__}: {error}"


def run_console(block: Block) -> str:
    """Run commands, and return what the last one wrote."""
    written = ""
    for line, expected in commands(block.text):
        exits = EXIT.search(line)
        command = EXIT.sub("", line).partition("  #")[0].strip()
        if command.startswith(ELSEWHERE):
            continue
        words = shlex.split(command)
        status, written = here(words[1:]) if is_ours(words) else apart(words)
        code = int(exits[1]) if exits else 0
        assert status == code, f"{block.where}: {command}\n{status}: {written}"
        if expected:
            expect(expected, written, block.where)
    return written


def is_ours(words: Sequence[str]) -> bool:
    """Whether it is our program; completion asks which shell it is called from, so it has one."""
    return words[0] == "headwater" and not any("completion" in word for word in words)


def here(arguments: Sequence[str]) -> tuple[int, str]:
    """Run our program in this process: starting one of its own takes longer than most commands."""
    out, err = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        status = program(arguments)
    return status, out.getvalue() + err.getvalue()


def apart(words: Sequence[str]) -> tuple[int, str]:
    """Run a program in a process of its own, from a shell, as a reader does.

    This environment's programs come first, also behind `env NAME=VALUE`.
    """
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ.get('PATH', '')}"
    done = subprocess.run(
        ["bash", "-c", '"$0" "$@"; exit $?', *words],
        env={**os.environ, "PATH": path},
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )
    return done.returncode, done.stdout + done.stderr


def commands(text: str) -> list[tuple[str, str]]:
    """Return the commands of a block, each with the output that it shows."""
    lines = [line for line in text.splitlines() if NEEDS.fullmatch(line) is None]
    if not any(line.startswith("$ ") for line in lines):
        return [(line, "") for line in lines if line.strip()]
    found: list[tuple[str, list[str]]] = []
    for line in lines:
        if line.startswith("$ "):
            found.append((line.removeprefix("$ "), []))
        else:
            found[-1][1].append(line)
    return [(command, "\n".join(output).strip()) for command, output in found]


def expect(wanted: str, written: str, where: str) -> None:
    """Compare what was written with what the page shows; `...` stands for anything."""

    def lines(text: str) -> str:
        return "\n".join(line.rstrip() for line in text.strip().splitlines())

    pattern = ".*?".join(re.escape(part) for part in lines(wanted).split("..."))
    assert re.fullmatch(pattern, lines(written), re.DOTALL), (
        f"{where}: the page shows\n{wanted}\nand it wrote\n{written}"
    )


def write_file(block: Block) -> bool:
    """Save a block whose first line names a file; return whether it does."""
    first, _, _ = block.text.partition("\n")
    match = FILE.match(first)
    if match is None:
        return False
    path = Path(match[1])
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(block.text, encoding="utf-8")
    return True


if __name__ == "__main__":
    run(blocks(Path(sys.argv[1])))
