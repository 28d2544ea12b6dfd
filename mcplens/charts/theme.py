"""The look every chart shares: colours, type, ticks.

Colours are Okabe and Ito's, which people with any colour vision tell apart, made strong enough to
be read as text. A page in dark mode swaps each light colour for the dark one beside it here.
"""

from __future__ import annotations

import math
from typing import Any, Final

LIGHT: Final = {
    "paper": "#ffffff",
    "ink": "#1a1d21",
    "quiet": "#5b6470",
    "rule": "#e8eaed",
    "span": "#c6cdd6",
    "plain": "#0b62a8",
    "bad": "#bf4a00",
    "good": "#0f7b61",
    "budget": "#a8327f",
    "amber": "#976200",
    "sky": "#2a7cae",
    "grey": "#6b7480",
}
"""What each colour is for, on white."""

DARK: Final = {
    "paper": "#0f141a",
    "ink": "#eef1f4",
    "quiet": "#9aa4b2",
    "rule": "#252c35",
    "span": "#4a5563",
    "plain": "#5ab0f2",
    "bad": "#ff8a5b",
    "good": "#2fc9a5",
    "budget": "#e58ab8",
    "amber": "#e6a93d",
    "sky": "#a6d5f7",
    "grey": "#8b95a3",
}
"""The same on a dark page."""

FONT: Final = "Inter, system-ui, -apple-system, 'Segoe UI', Roboto, 'Liberation Sans', sans-serif"
PX_PER_CLASS: Final = 105
"""Of a legend."""
MOST_STEPS: Final = 5
ROW_HEIGHT: Final = 24
NAME_LETTERS: Final = "name_letters"
"""The variable that says how many letters a tool's name may have beside a plot."""
LONGEST_NAME: Final = 26
MARGIN: Final = 100
"""Room for numbers at the right of a plot, in px."""


def config(palette: dict[str, str], *, width: int) -> dict[str, Any]:
    """Give the Vega-Lite config of a palette, for plots of this width."""
    axis = {
        "domain": False,
        "ticks": False,
        "grid": False,
        "labelColor": palette["quiet"],
        "titleColor": palette["quiet"],
        "titleFontWeight": "normal",
        "labelFontSize": 11,
        "titleFontSize": 11,
    }
    return {
        "background": palette["paper"],
        "font": FONT,
        "padding": 8,
        "view": {"stroke": None},
        "title": {
            "anchor": "start",
            "frame": "group",
            "color": palette["ink"],
            "fontSize": 15,
            "fontWeight": 600,
            "lineHeight": 19,
            "subtitleColor": palette["quiet"],
            "subtitleFontSize": 12,
            "subtitlePadding": 5,
            "offset": 14,
        },
        "axis": axis,
        "axisX": {
            "grid": True,
            "gridColor": palette["rule"],
            "domain": True,
            "domainColor": palette["rule"],
            "labelPadding": 6,
            "titlePadding": 8,
        },
        "axisY": {
            "labelColor": palette["ink"],
            "labelFontSize": 12,
            "labelPadding": 8,
            "labelLimit": 200,
        },
        "params": [{"name": NAME_LETTERS, "value": LONGEST_NAME}],
        "legend": {
            "orient": "top",
            "title": None,
            "labelColor": palette["quiet"],
            "labelFontSize": 11,
            "symbolType": "square",
            "symbolSize": 90,
            "columns": width // PX_PER_CLASS,
            "columnPadding": 14,
            "offset": 20,
        },
        "text": {"color": palette["quiet"], "fontSize": 11},
    }


def log_ticks(low: float, high: float) -> list[float]:
    """Choose ticks of 1, 3, 10, 30 … from at or under `low` to at or over `high`.

    There are always two at least, so that an axis has a length.
    """
    decades = range(math.floor(math.log10(low)), math.floor(math.log10(high)) + 2)
    steps = [float(f"{step}e{decade}") for decade in decades for step in (1, 3)]
    below = [tick for tick in steps if tick <= low]
    above = [tick for tick in steps if tick >= high and tick > below[-1]]
    return [tick for tick in steps if below[-1] <= tick <= above[0]]


def share_ticks(high: float) -> list[float]:
    """Choose round ticks from 0 up to at most `high`, a share; six of them at most."""
    for digits in range(-5, 0):
        for step in (1, 2, 5):
            # A little more, so that 0.3 has a tick at 3 × 0.1.
            count = math.floor(high / float(f"{step}e{digits}") + 1e-9)
            if count <= MOST_STEPS:
                return [float(f"{i * step}e{digits}") for i in range(count + 1)]
    return [0.0, 0.5, 1.0]
