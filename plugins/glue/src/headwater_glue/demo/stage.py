"""The demo's output: a terminal, and a folder that may be kept."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from headwater.interfaces.schema import Role
from headwater.reading.conversion import role_of
from headwater_glue.demo import account

if TYPE_CHECKING:
    import pyarrow as pa
    from rich.console import Console

    from headwater.changes.changes import Changes
    from headwater.interfaces.read_stats import ReadStats
    from headwater.reading.dataset import Dataset
    from headwater.tables.table import Table as CatalogTable
    from headwater_monitor import Report

EVIDENTLY = """\
import pandas as pd
from evidently import Report
from evidently.presets import DataDriftPreset

training, october = pd.read_parquet("training.parquet"), pd.read_parquet("october.parquet")
Report([DataDriftPreset(columns={features})]).run(october, training).save_html("drift.html")
"""


class Stage:
    """Shows the steps of the demo and saves what it leaves behind.

    Args:
        console: Terminal or pipe.
        folder: Where the data goes.
        picture: Where the report goes.
        kept: Whether the folder outlives the demo, so that it is worth telling what is in it.
    """

    def __init__(self, console: Console, folder: Path, picture: Path, *, kept: bool) -> None:
        self._console = console
        self._folder = folder
        self._picture = picture
        self._kept = kept
        self._steps = 0

    def step(self, title: str) -> None:
        """Begin a step."""
        self._steps += 1
        self._console.print(f"\n[bold]{self._steps}. {title}[/bold]", highlight=False)

    def show(self, text: str) -> None:
        """Show a text as it is."""
        self._console.print(text, markup=False, highlight=False, soft_wrap=True)

    def table(self, table: CatalogTable) -> None:
        """Show a table of the catalog."""
        keys = f", partitioned by {', '.join(table.partition_keys)}" if table.partition_keys else ""
        self.show(f"{table.name}: {table.kind}, {len(table.columns)} columns{keys}")

    def rows(self, rows: pa.Table, stats: ReadStats) -> None:
        """Show the first rows of a read, and what it counted."""
        names = ["id", "timestamp", "expensive", "proba", "MedInc", "actual_expensive"]
        for row in rows.select(names).slice(0, 3).to_pylist():
            self.show("  " + ", ".join(f"{k}={v}" for k, v in row.items()))
        labels = ", ".join(f"{n} known for {k}" for n, k in stats.actuals.items())
        self.show(f"  {stats.rows} rows from {stats.first} to {stats.last}; {labels}")

    def report(self, report: Report) -> None:
        """Show the figures of every month as a table, and save the report of them."""
        from rich.table import Table

        head, rows = report.summary()
        table = Table(*head)
        for row in rows:
            table.add_row(*row)
        self._console.print(table)
        for reason in report.not_final:
            self.show(f"not final: {reason}")
        self.show(f"the report, with pictures: {report.save(self._picture)}")

    def changes(self, changes: Changes, before: Report, after: Report) -> None:
        """Show which months were read again, and what that changed."""
        self.show(f"{len(changes)} of {len(changes.windows)} months were read again")
        head, _ = before.summary()
        old, new = ({row[0]: row for row in report.summary()[1]} for report in (before, after))
        for change in changes:
            month = f"{change.window.start:%Y-%m}"
            restated = " and ".join(change.restated) or "nothing"
            moved = "; ".join(
                f"{name} {then} -> {now}"
                for name, then, now in zip(head[:4], old[month], new[month], strict=False)
                if then != now
            )
            self.show(
                f"  {month}  because of {', '.join(change.reasons)}: {restated} changed; {moved}"
            )
        for reason in after.not_final:
            self.show(f"not final: {reason}")

    def keep(self, training: pa.Table, october: Dataset) -> None:
        """Save what the next tool needs, and show the lines that hand it over."""
        import pyarrow.parquet as pq

        features = [f.name for f in training.schema if role_of(f) is Role.FEATURE]
        pq.write_table(training, self._folder / "training.parquet")
        october.write_parquet(self._folder / "october.parquet", overwrite=True)
        script = EVIDENTLY.format(features=features)
        (self._folder / "evidently_report.py").write_text(script, encoding="utf-8")
        _save_account(self._folder)
        self.step("Hand it on: these lines make an Evidently report of the same data")
        self.show(script)
        if self._kept:
            self.show(
                f"Go on from {self._folder}: it holds the account's files and a headwater.yaml "
                f"over them.\n  cd {self._folder}\n  headwater plan serving 2021-10-01 2021-11-01\n"
                "  headwater read serving 2021-10-01 2021-11-01 --out rows/"
            )
        else:
            self.show("headwater demo --keep DIR leaves the data and a config behind as well")


def _save_account(folder: Path) -> None:
    """Save the account's files, and a configuration that reads them without any cloud."""
    for landing in account.landings():
        path = folder / "account" / landing.key
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(account.parquet(landing.rows))
    (folder / "headwater.yaml").write_text(_config(), encoding="utf-8")


def _config() -> str:
    from headwater_glue.demo import tutorial

    def source(table: str, query: str, extra: str = "") -> str:
        text = "\n".join(f"              {line}" for line in query.splitlines())
        return (
            "          source:\n            type: files\n"
            f"            tables: {{{table}: account/{table}/}}\n{extra}"
            f"            query: |\n{text}\n"
        )

    rule = (
        "            partitions:\n              predictions:\n"
        '                {column: timestamp, keys: {dt: "yyyy-MM-dd"}}\n'
    )
    columns = "          id_column: prediction_id\n          timestamp_column: predicted_at\n"
    label = "          labels: {expensive: was_expensive}\n"
    features = "\n".join(f"          {name}: numeric" for name in tutorial.FEATURES)
    return (
        "# The demo's model over the demo's files. `headwater check` examines it.\n"
        "version: 1\nmodels:\n  housing:\n    versions:\n      v1:\n        model_type: binary\n"
        f"        features:\n{features}\n"
        "        predictions: {expensive: boolean, proba: numeric}\n"
        f"        serving:\n{source('predictions', tutorial.SERVING, rule)}{columns}"
        f"        actuals:\n{source('actuals', tutorial.ACTUALS)}"
        "          id_column: prediction_id\n          timestamp_column: labelled_at\n"
        f"{label}          horizon: 45 days\n"
        f"        training:\n{source('training', tutorial.TRAINING)}{columns}{label}"
    )
