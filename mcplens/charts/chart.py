"""A chart that draws itself in JupyterLab without the network.

Altair 6 speaks Vega-Lite 6 and by default fetches it from a CDN; JupyterLab 4 carries Vega-Lite 5
and draws what says so. What these charts use is the same in both, so a chart of ours calls itself
version 5 there. Its PNG is for places that draw no Vega at all, such as a page on GitHub.
"""

from __future__ import annotations

import base64
import textwrap
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

import altair as alt
import pandas as pd
import vl_convert

from mcplens.charts import theme
from mcplens.charts.findings import NEXT_STEP

VEGALITE_5: Final = "application/vnd.vegalite.v5+json"
SCHEMA_5: Final = "https://vega.github.io/schema/vega-lite/v5.json"
PX_PER_LETTER: Final = 8.2
"""Of a title in a wide font, so that it breaks rather than runs out of the page."""
PX_PER_SMALL_LETTER: Final = 6.6
LEAST_SERVER: Final = 3
"""Letters that are left of a server's name when it is cut."""

_COLON: Final = "lastindexof(datum.label, ':')"
_SERVER_ROOM: Final = f"{theme.NAME_LETTERS} - length(datum.label) + {_COLON}"
_SHORT_NAME: Final = (
    # A tool's own name says most, so its server's is cut; both ends of that tell servers apart.
    f"{_SERVER_ROOM} < {LEAST_SERVER} ? truncate(datum.label, {theme.NAME_LETTERS}, 'center')"
    f" : truncate(substring(datum.label, 0, {_COLON}), {_SERVER_ROOM}, 'center')"
    f" + substring(datum.label, {_COLON})"
)


class OfflineChart(alt.LayerChart):
    """An Altair chart of layers; change, combine and save it as any other."""

    def _repr_mimebundle_(self, *args: Any, **kwds: Any) -> Any:
        # Who picked a renderer meant it.
        if alt.renderers.active != "default":
            return super()._repr_mimebundle_(*args, **kwds)
        return mime_bundle(self.to_dict())


def mime_bundle(spec: Mapping[str, Any]) -> dict[str, Any]:
    """Show a spec to a notebook in every form that needs no network."""
    version = alt.SCHEMA_VERSION.removeprefix("v").rpartition(".")[0]
    png = vl_convert.vegalite_to_png(dict(spec), vl_version=version)
    return {
        VEGALITE_5: {**spec, "$schema": SCHEMA_5},
        "image/png": base64.b64encode(png).decode(),
        "text/plain": spec["description"],
    }


def draw(
    layers: Sequence[alt.Chart],
    rows: Sequence[Mapping[str, Any]],
    *,
    finding: str,
    how_to_read: str,
    width: int,
    height: int | None = None,
) -> OfflineChart:
    """Put layers over one set of rows, under a finding and how to read it.

    Both are also the chart's description, for those who hear it. Without a height every tool has
    a row.
    """
    return OfflineChart(
        layer=[*layers],
        data=pd.DataFrame(list(rows)),
        title=alt.TitleParams(
            _lines(finding, width, PX_PER_LETTER),
            subtitle=_lines(how_to_read, width, PX_PER_SMALL_LETTER),
        ),
        description=f"{finding}. {how_to_read}".strip(),
        width=width,
        height=height or alt.Step(theme.ROW_HEIGHT),
        config=theme.config(theme.LIGHT, width=width),
    )


def number_column(field: str, *, right: int, **mark: Any) -> list[alt.Chart]:
    """Write a field of ready text under its name, in a column ending `right` px past the plot."""
    x = alt.value(alt.ExprRef(f"width + {right}"))
    encoding = {"color": mark.pop("color")} if isinstance(mark.get("color"), alt.Color) else {}
    numbers = alt.Chart().mark_text(align="right", **mark)
    header = alt.Chart(alt.InlineData(values=[{}])).mark_text(
        align="right", baseline="bottom", text=field
    )
    return [
        numbers.encode(x=x, y=by_tool(), text=alt.Text(f"{field}:N"), **encoding),
        header.encode(x=x, y=alt.value(-6)),
    ]


def label_expr(ticks: Sequence[float], form: Callable[[float], str]) -> str:
    """Label an axis's ticks by our own formatter."""
    texts = ", ".join(f"'{tick:g}': '{form(tick)}'" for tick in ticks)
    return f"({{{texts}}})[datum.value]"


def by_tool() -> alt.Y:
    """Give each tool a row, in the order of the data."""
    return alt.Y(
        "tool:N",
        sort=None,
        title=None,
        axis=alt.Axis(labelExpr=_SHORT_NAME),
    )


def say_nothing(finding: str, *, width: int) -> OfflineChart:
    """Draw what to do where there is nothing to draw."""
    words = alt.Chart().mark_text(align="left", fontSize=12)
    return draw(
        [words.encode(x=alt.value(0), text="words:N")],
        [{"words": NEXT_STEP}],
        finding=finding,
        how_to_read="",
        width=width,
        height=theme.ROW_HEIGHT,
    )


def _lines(text: str, width: int, px_per_letter: float) -> list[str]:
    per_line = int((width + theme.MARGIN) / px_per_letter)
    return textwrap.wrap(text, per_line, break_on_hyphens=False)
