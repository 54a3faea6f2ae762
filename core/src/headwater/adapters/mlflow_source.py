"""Where an MLflow dataset came from: a read of headwater's, told so that it can be made again.

MLflow finds the class by the entry point `mlflow.dataset_source`, in the middle of its own import;
so this room is entered through `headwater.adapters.mlflow`, which lets MLflow go first.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Any, Self

from mlflow.data.dataset_source import DatasetSource

from headwater.errors import ConfigError
from headwater.interfaces.read_stats import ReadStats
from headwater.tables.window import instant

if TYPE_CHECKING:
    from headwater.interfaces.plan import Plan
    from headwater.reading.dataset import Dataset
    from headwater.workspace.workspace import Workspace


@dataclass(frozen=True)
class HeadwaterDatasetSource(DatasetSource):
    """The read that a dataset was made of; holds no credentials and no rows.

    Args:
        connection: Name of the connection, e.g. `insurance/v1/serving`.
        start: First moment of the window, ISO 8601, or None for all rows.
        end: The moment at which the window ends.
        as_of: Until when actuals were taken, by when they were set; None where that is not known.
        sample: Share of the ids that was kept, or None.
        tables: The tables that were read.
        query: The user's query.
        roles: Column to its role: `id`, `timestamp`, `feature`, `prediction`, `actual` ...
        rows_digest: Digest of all that was delivered but the actuals, in no order; as evidence has.
        labels_digest: Likewise, of the ids with their actuals.
        maturity: What is known of how ripe the labels are (`Dataset.maturity`).
    """

    connection: str
    start: str | None = None
    end: str | None = None
    as_of: str | None = None
    sample: float | None = None
    tables: tuple[str, ...] = ()
    query: str = ""
    roles: Mapping[str, str] = field(default_factory=dict)
    rows_digest: str | None = None
    labels_digest: str | None = None
    maturity: Mapping[str, Any] | None = None

    @classmethod
    def of(
        cls,
        plan: Plan,
        stats: ReadStats | None = None,
        maturity: Mapping[str, Any] | None = None,
    ) -> Self:
        """Return the source that a plan is.

        Args:
            plan: The plan.
            stats: Of a read of it, if any: its digests.
            maturity: What is known of how ripe its labels are.
        """
        stats = stats or ReadStats()
        return cls(
            plan.connection,
            _text(plan.window.start if plan.window else None),
            _text(plan.window.end if plan.window else None),
            _text(plan.as_of),
            plan.sample,
            tuple(str(scan.table) for scan in plan.scans),
            plan.query,
            {column.name: str(column.role) for column in plan.mapping or ()},
            stats.rows_digest,
            stats.labels_digest,
            maturity,
        )

    def load(self, workspace: Workspace | None = None) -> Dataset:
        """Return the read, made anew: a `headwater.Dataset` of the same window.

        Args:
            workspace: Who knows the connection: `Workspace.open("headwater.yaml")`.

        Raises:
            ConfigError: Without a workspace, or if it does not know the connection.
        """
        if workspace is None:
            raise ConfigError(
                f"{self.connection}: a run keeps no credentials, so give load a workspace",
                hint='source.load(Workspace.open("headwater.yaml"))',
            )
        return workspace.connection(self.connection).read(
            self.start,
            self.end,
            as_of=None if self.as_of is None else instant(self.as_of),
            sample=self.sample,
        )

    def to_dict(self) -> dict[str, Any]:
        """Return what MLflow keeps of it, JSON-ready."""
        return {
            "connection": self.connection,
            "start": self.start,
            "end": self.end,
            "as_of": self.as_of,
            "sample": self.sample,
            "tables": list(self.tables),
            "query": self.query,
            "roles": dict(self.roles),
            "rows_digest": self.rows_digest,
            "labels_digest": self.labels_digest,
            "maturity": None if self.maturity is None else dict(self.maturity),
        }

    @classmethod
    def from_dict(cls, source_dict: Mapping[Any, Any]) -> Self:
        """Return the source that MLflow kept as `source_dict`."""
        return cls(**{**source_dict, "tables": tuple(source_dict["tables"])})

    @staticmethod
    def _get_source_type() -> str:
        return "headwater"

    @staticmethod
    def _can_resolve(raw_source: Any) -> bool:
        return False  # no URI names a read

    @classmethod
    def _resolve(cls, raw_source: Any) -> Self:
        raise ConfigError(
            f"no read of headwater's can be told from {raw_source!r}",
            hint="headwater.adapters.mlflow.to_mlflow makes the dataset with its source",
        )


def _text(moment: datetime | None) -> str | None:
    return None if moment is None else moment.isoformat()
