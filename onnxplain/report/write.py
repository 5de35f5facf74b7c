"""Write the report of an audit."""

from __future__ import annotations

from pathlib import Path

from onnxplain.audit.suspects import LEAST
from onnxplain.files import write_text
from onnxplain.report.content import Content
from onnxplain.report.curve import lines
from onnxplain.report.page import html, markdown

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
    sanity = lines({s["method"]: s["spearman"] for s in shown.record["sanity"]})
    version = shown.record["versions"].get("onnxplain", "")
    values = {"shown": shown, "record": shown.record, "least": LEAST}
    texts = {
        HTML: html("audit.html", **values, sanity_lines=sanity, version=version),
        MARKDOWN: markdown("audit.md", **values),
    }
    for name, text in texts.items():
        write_text(folder / name, text)
    return [folder / name for name in texts]
