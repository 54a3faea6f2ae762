import resource
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import typer
from core.tests.cli.support import Program

from headwater.cli.options import Debug, Json, terminal_of
from headwater.errors import AccessDeniedError
from headwater.interfaces.hookspecs import hookimpl
from headwater.interfaces.specs import CommandSpec

HELP = """\
Usage: headwater [OPTIONS] COMMAND [ARGS]...

  Connect models in production to the data they are monitored on.

  Start with `headwater init`, then `headwater check`.

Options:
  --version             Print the version and exit.
  --install-completion  Install completion for the current shell.
  --show-completion     Show completion for the current shell, to copy it or
                        customize the installation.
  -h, --help            Show this message and exit.

Commands:
  init           write a commented headwater.yaml
  discover       list databases, tables and columns
  check          prove that connections can be read
  plan           show what a read would do; reads no data
  read           write a window's rows to a file
  changes        which windows are no longer what was given
  maturity       how many labels are known, and should be
  profile        count rows in a way that adds up
  replay         whether a read gives the same again
  validate       check a query against a catalog
  plugins        explain what is installed, and why not
  new-plugin     write a plugin's project, whose tests pass at once
  config-schema  print the JSON Schema of headwater.yaml

  Exit codes: 0 fine, 1 the answer is no (an error, or what --fail-on names),
  2 wrong usage, 70 a fault of the program, 130 interrupted, 143 terminated.
"""


def command(function: Any, *, name: str = "greet", module: str = __name__) -> SimpleNamespace:
    """Return a plugin that adds a command of this module."""
    spec = CommandSpec(name, f"{module}:{function}", "say a word")
    return SimpleNamespace(__name__="greeter", headwater_commands=hookimpl(lambda: [spec]))


def greet(
    ctx: typer.Context, word: str = "hello", json: Json = False, debug: Debug = False
) -> None:
    """Say a word."""
    terminal = terminal_of(ctx)
    if word == "denied":
        try:
            raise OSError("socket closed")
        except OSError as error:
            raise AccessDeniedError(
                "no, said the lake", hint="ask again\nor ask another"
            ) from error
    if word == "bug":
        raise KeyError(word)
    if word == "interrupt":
        raise KeyboardInterrupt
    terminal.emit({"word": word})
    terminal.say(word)


several = typer.Typer(add_completion=False)


@several.command()
def one() -> None:
    typer.echo("one")


@several.command()
def two() -> None:
    typer.echo("two")


nonsense = 42


def test_help_lists_every_command(headwater: Program, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    assert headwater("--help").out == HELP
    assert headwater("-h").out == HELP


def test_no_command_is_wrong_usage_and_shows_help(headwater: Program) -> None:
    outcome = headwater()
    assert outcome.code == 2
    assert "Commands:" in outcome.out + outcome.err


def test_an_unknown_command_is_wrong_usage_with_the_nearest_one(headwater: Program) -> None:
    outcome = headwater("chek")
    assert (outcome.code, outcome.out) == (2, "")
    assert "no command 'chek' is installed\ndid you mean 'check'?" in outcome.err


def test_a_well_known_command_says_what_to_install(headwater: Program) -> None:
    assert "pip install 'headwater-glue[demo]'" in headwater("demo").err


def test_the_version_is_printed(headwater: Program) -> None:
    assert headwater("--version").out == "headwater 0.1.0\n"


def test_a_plugins_command_is_listed_unimported_and_run(headwater: Program) -> None:
    headwater.modules = [command("greet", module="not_there_at_all")]
    assert "  greet          say a word\n" in headwater("--help").out
    headwater.modules = [command("greet")]
    assert headwater("greet", "--word", "hi") == headwater("greet", "--word=hi")
    assert headwater("greet").out == "hello\n"
    assert headwater("greet", "--json").json == {"word": "hello"}


def test_a_plugin_may_add_a_whole_group(headwater: Program) -> None:
    headwater.modules = [command("several")]
    assert headwater("greet", "two").out == "two\n"


def test_a_command_that_can_not_be_imported_says_why(headwater: Program) -> None:
    headwater.modules = [command("greet", module="not_there_at_all")]
    outcome = headwater("greet")
    assert outcome.code == 1
    assert outcome.err == (
        "error: the command 'greet' of module greeter can't be imported from "
        "not_there_at_all:greet: No module named 'not_there_at_all'\n"
    )


def test_a_command_that_is_none_is_refused(headwater: Program) -> None:
    headwater.modules = [command("nonsense")]
    outcome = headwater("greet")
    assert outcome.code == 1
    assert outcome.err == (
        f"error: {__name__}:nonsense, given as the command 'greet', is no command\n"
        "  hint: the plugin's author must give a function or a typer.Typer\n"
    )


def test_no_plugin_replaces_a_command_of_core(headwater: Program) -> None:
    headwater.modules = [command("greet", name="plugins")]
    assert "greeter" in headwater("plugins").out
    assert "the command 'plugins' is also provided by headwater 0.1.0: that one is used" in (
        headwater("plugins").out
    )


def test_an_error_is_message_and_hint_on_stderr(headwater: Program) -> None:
    headwater.modules = [command("greet")]
    outcome = headwater("greet", "--word", "denied")
    assert (outcome.code, outcome.out) == (1, "")
    assert outcome.err == "error: no, said the lake\n  hint: ask again\n        or ask another\n"


def test_an_error_under_json_is_a_document(headwater: Program) -> None:
    headwater.modules = [command("greet")]
    outcome = headwater("greet", "--word", "denied", "--json")
    assert outcome.code == 1
    assert outcome.json == {
        "error": {
            "code": "access-denied",
            "message": "no, said the lake",
            "hint": "ask again\nor ask another",
            "retryable": False,
        }
    }


def test_debug_shows_the_chain_of_causes(headwater: Program) -> None:
    headwater.modules = [command("greet")]
    err = headwater("greet", "--word", "denied", "--debug").err
    assert "OSError: socket closed" in err
    assert "The above exception was the direct cause" in err
    assert "OSError" not in headwater("greet", "--word", "denied").err


def test_a_fault_is_told_apart_from_a_no(headwater: Program) -> None:
    headwater.modules = [command("greet")]
    outcome = headwater("greet", "--word", "bug")
    assert outcome.code == 70
    assert outcome.err == (
        "error: KeyError: 'bug'\n"
        "  hint: this is a fault of headwater or of a plugin; run again with --debug to see where\n"
    )
    assert headwater("greet", "--word", "bug", "--json").json["error"]["code"] == "fault"
    assert "in greet" in headwater("greet", "--word", "bug", "--debug").err


def test_ctrl_c_ends_with_130(headwater: Program) -> None:
    headwater.modules = [command("greet")]
    outcome = headwater("greet", "--word", "interrupt")
    assert (outcome.code, outcome.out) == (130, "")
    assert outcome.err == "interrupted: nothing was left half-written\n"


def test_completion_names_commands_without_importing_them(
    headwater: Program, monkeypatch: pytest.MonkeyPatch
) -> None:
    headwater.modules = [command("greet", module="not_there_at_all")]
    monkeypatch.setenv("_HEADWATER_COMPLETE", "complete_bash")
    monkeypatch.setenv("COMP_WORDS", "headwater ")
    monkeypatch.setenv("COMP_CWORD", "1")
    assert headwater().out.split()[:2] == ["init", "discover"]
    assert "greet" in headwater().out.split()


def python(code: str) -> str:
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", code], capture_output=True, text=True, check=True
    )
    return done.stdout


def test_help_imports_nothing_heavy() -> None:
    heavy = "pydantic sqlglot boto3 botocore pyarrow duckdb pyspark yaml pandas numpy rich"
    loaded = python(
        "import sys\n"
        "from headwater.cli.main import run\n"
        "assert run(['--help']) == 0\n"
        f"print('heavy:', [m for m in {heavy.split()!r} if m in sys.modules])"
    )
    assert loaded.splitlines()[-1] == "heavy: []"


def test_help_answers_in_well_under_a_second() -> None:
    def spent() -> float:
        used = resource.getrusage(resource.RUSAGE_CHILDREN)
        return used.ru_utime + used.ru_stime

    before = spent()
    script = Path(sys.executable).with_name("headwater")
    subprocess.run([script, "--help"], check=True, capture_output=True)
    assert spent() - before < 0.8


def test_the_registry_of_a_run_is_not_shared(headwater: Program) -> None:
    headwater.modules = [command("greet")]
    assert headwater("greet").code == 0
    headwater.modules = []
    assert headwater("greet").code == 2
