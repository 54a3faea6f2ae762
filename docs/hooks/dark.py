"""The diagrams for dark pages: the same drawing, each colour with its lightness turned round."""

from __future__ import annotations

import colorsys
import re
from pathlib import Path
from typing import Final

ASSETS: Final = Path(__file__).parents[1] / "assets"
DARKEST: Final = 0.13
"""Lightness of what is white by day: near the page's own."""
CALM: Final = 0.6
"""Share of a colour's saturation that is kept: on dark ground it glares."""
_COLOUR: Final = re.compile(r"#([0-9a-fA-F]{6}|[0-9a-fA-F]{3})\b(?=[\"';])")
_SHOWN: Final = re.compile(r"!\[([^\]]*)\]\(([^)\s#]*assets/)([\w-]+\.svg)\)")


def pictures() -> list[Path]:
    """Return the diagrams."""
    return sorted(ASSETS.glob("*.svg"))


def twin(name: str) -> str:
    """Return the name of a diagram's dark twin."""
    return name.replace(".svg", "-dark.svg")


def darkened(svg: str) -> str:
    """Return a diagram in the colours of a dark page."""
    return _COLOUR.sub(lambda found: turned(found[1]), svg)


def turned(colour: str) -> str:
    """Return a colour of the same hue, calmer, and as far from dark as it was from light.

    `ffffff` becomes `#212121`, and what is black by day is white.
    """
    full = "".join(2 * digit for digit in colour) if len(colour) == 3 else colour
    red, green, blue = (int(full[i : i + 2], 16) / 255 for i in (0, 2, 4))
    hue, lightness, saturation = colorsys.rgb_to_hls(red, green, blue)
    light = DARKEST + (1 - lightness) * (1 - DARKEST)
    parts = colorsys.hls_to_rgb(hue, light, saturation * CALM)
    return "#" + "".join(f"{round(part * 255):02x}" for part in parts)


def shown_in_both(markdown: str) -> str:
    """Have a page show each diagram by day, and its twin at night."""
    return _SHOWN.sub(
        lambda m: f"![{m[1]}]({m[2]}{m[3]}#only-light)\n![{m[1]}]({m[2]}{twin(m[3])}#only-dark)",
        markdown,
    )
