"""`headwater config-schema`: the JSON Schema of the configuration file."""

from __future__ import annotations

import json as json_module
from pathlib import Path
from typing import Annotated

import typer

from headwater.cli.options import Debug, Json, terminal_of


def config_schema(
    ctx: typer.Context,
    out: Annotated[
        Path | None,
        typer.Option("--out", "-o", help="Write it to this file instead.", show_default=False),
    ] = None,
    json: Json = False,
    debug: Debug = False,
) -> None:
    """Print the JSON Schema of headwater.yaml, with the installed plugins' sources in it.

    Editors complete and check a file by it; `--out` says how.
    """
    from headwater.config import json_schema
    from headwater.reading.file_writer import complete

    terminal = terminal_of(ctx)
    schema = json_schema(terminal.registry)
    if out is None:
        terminal.emit(schema)
        terminal.say(json_module.dumps(schema, indent=2))
        return
    with complete(out, overwrite=True) as file:
        file.write((json_module.dumps(schema, indent=2) + "\n").encode())
    terminal.emit({"path": str(out)})
    terminal.say(f"wrote {out}; begin headwater.yaml with this line, and editors will use it:")
    terminal.say(f"# yaml-language-server: $schema={out}")
