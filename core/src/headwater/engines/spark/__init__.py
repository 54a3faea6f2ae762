"""The spark engine: the reference, which runs every query that is admitted."""

from headwater.engines.spark.engine import SparkEngine

__all__ = ["SparkEngine"]
