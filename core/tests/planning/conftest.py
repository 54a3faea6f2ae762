"""The production log of the pipeline's tests."""

from core.tests.pipeline.conftest import log, serving, version, workspace

__all__ = ["log", "serving", "version", "workspace"]
