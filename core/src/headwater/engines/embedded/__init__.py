"""The embedded engine: DuckDB in process, for the portable subset of Spark SQL."""

from headwater.engines.embedded.engine import EmbeddedEngine

__all__ = ["EmbeddedEngine"]
