"""Loading a text as a file of the configuration."""

from __future__ import annotations

import textwrap
from collections.abc import Mapping
from pathlib import Path

import pytest
from core.tests.config import acme

from headwater.config import Config, load
from headwater.errors import HeadwaterError
from headwater.plugins import PluginRegistry

MODEL = """
version: 1
models:
  insurance:
    name: Insurance purchase
    versions:
      v1:
        model_type: binary
        raw_inputs: {raw_text: text}
        features:
          amount: numeric
          embeddings: {type: tensor, dimensions: [768]}
        predictions: {will_buy: boolean, proba: numeric}
        serving:
          source: {type: acme, host: localhost}
          id_column: prediction_id
          timestamp_column: prediction_timestamp
"""


def registry() -> PluginRegistry:
    return PluginRegistry([acme], discover=False)


def loaded(
    folder: Path, text: str, environ: Mapping[str, str] | None = None, name: str = "headwater.yaml"
) -> Config:
    path = folder / name
    path.write_text(textwrap.dedent(text))
    return load(path, registry(), environ=environ or {})


def complaint(
    folder: Path, text: str, environ: Mapping[str, str] | None = None, name: str = "headwater.yaml"
) -> str:
    """Return the whole message of the error, with the folder left out."""
    with pytest.raises(HeadwaterError) as caught:
        loaded(folder, text, environ, name)
    return str(caught.value).replace(f"{folder}/", "")
