"""An HTTP API for headwater."""

from headwater_scores.login import ScoresClient
from headwater_scores.source import ScoresDataSource

__all__ = ["ScoresClient", "ScoresDataSource"]
