"""Write the report of an audit."""

from __future__ import annotations

from pathlib import Path

from onnxplain.audit.shortcuts.places import LEAST
from onnxplain.files import write_text
from onnxplain.render.colors import PALETTES
from onnxplain.report.chart import Chart, chart
from onnxplain.report.content import Content
from onnxplain.report.page import html, markdown
from onnxplain.report.words import GLOSSARY

HTML, MARKDOWN = "report.html", "report.md"


def write_report(folder: str | Path, shown: Content) -> list[Path]:
    """Write a page and its Markdown, each whole or not at all.

    Parameters
    ----------
    folder : path
        Where `HTML` and `MARKDOWN` go.
    shown : Content
        See `onnxplain.report.content.content`.

    Returns
    -------
    list of Path
        The files.

    Raises
    ------
    OutputError
        If a file cannot be written.
    """
    folder = Path(folder)
    version = shown.record.versions.get("onnxplain", "")
    values = {"shown": shown, "record": shown.record, "least": LEAST, "glossary": GLOSSARY}
    values["palettes"] = PALETTES
    texts = {
        HTML: html("audit.html", **values, sanity_chart=_sanity_chart(shown), version=version),
        MARKDOWN: markdown("audit.md", **values),
    }
    for name, text in texts.items():
        write_text(folder / name, text)
    return [folder / name for name in texts]


def _sanity_chart(shown: Content) -> Chart:
    return chart(
        "Rank correlation of each method's map with the map of a network that loses its weights "
        "layer by layer from the output on. The table below holds the numbers.",
        {s.method: s.spearman for s in shown.record.sanity},
        ticks=(-1.0, -0.5, 0.0, 0.5, 1.0),
        across=((0.0, "output layer lost"), (1.0, "all layers lost")),
        axes=("", "rank correlation"),
    )
