"""How Sphinx builds the site: ``python docs/build.py``."""

from __future__ import annotations

import os
import re
import sys
from pathlib import Path
from typing import Any

DOCS = Path(__file__).parent.resolve()
sys.path.insert(0, str(DOCS.parent))
# Notebooks run in processes of their own, with this checkout.
os.environ["PYTHONPATH"] = os.pathsep.join(
    filter(None, [str(DOCS.parent), os.environ.get("PYTHONPATH", "")])
)
os.environ.setdefault("COLUMNS", "100")

from onnxplain import __version__  # noqa: E402

project = "onnxplain"
author = copyright = "The onnxplain contributors"
release = version = __version__
extensions = ["myst_nb", "sphinx.ext.autodoc", "sphinx.ext.napoleon"]
exclude_patterns = ["_build", "images/*.py", "**/.ipynb_checkpoints"]
source_suffix = {".md": "myst-nb"}

html_theme = "furo"
html_title = f"onnxplain {release}"
html_static_path = ["_static"]
html_css_files = ["site.css"]
html_copy_source = html_show_sourcelink = False
# WCAG AA contrast on both backgrounds.
pygments_style, pygments_dark_style = "xcode", "github-dark"

myst_enable_extensions = ["colon_fence", "deflist"]
myst_heading_anchors = 4
nb_execution_mode = os.environ.get("ONNXPLAIN_DOCS_EXECUTE", "force")
nb_execution_timeout = 600
nb_execution_raise_on_error = True
nb_execution_show_tb = True
nb_merge_streams = True

autodoc_typehints = "none"  # numpydoc sections name the types
autodoc_member_order = "bysource"
napoleon_google_docstring = False
napoleon_use_rtype = False

_LINK = re.compile(r"(?<!!)\[([^\]]+)\]\((?!https?:|#|mailto:)([^)#\s]+)(#[^)\s]*)?\)")
# Pages of the site that stand elsewhere in the repository.
_PAGES = {"CONTRIBUTING.md": "guides/contributing.md"}


def _inside(app: Any, docname: str, source: list[str]) -> None:
    """Name files of the repository that are no page of the site, instead of linking to them."""
    folder = Path(app.env.doc2path(docname)).resolve().parent

    def target(match: re.Match[str]) -> str:
        words, path, anchor = match[1], match[2], match[3] or ""
        file = (folder / path).resolve()
        if file.is_relative_to(DOCS) and file.is_file():
            return match[0]
        if not file.exists():
            raise ValueError(f"{docname}: the link to {path} leads nowhere")
        named = file.relative_to(DOCS.parent).as_posix()
        if named in _PAGES:
            return f"[{words}]({os.path.relpath(DOCS / _PAGES[named], folder)}{anchor})"
        if named == "docs/decisions":
            return f"[{words}]({os.path.relpath(DOCS / 'decisions/index.md', folder)})"
        return words if words.strip("`") == named else f"{words} (`{named}`)"

    source[0] = _LINK.sub(target, source[0])


def _contributing(app: Any, docname: str, source: list[str]) -> None:
    """Show the repository's CONTRIBUTING.md, whose links are those of its own folder."""
    if docname == "guides/contributing":
        text = (DOCS.parent / "CONTRIBUTING.md").read_text("utf-8")
        source[0] = re.sub(r"\]\((?:(docs/)|(?!https?:|#))", _from_the_root, text)


def _from_the_root(match: re.Match[str]) -> str:
    return "](../" if match[1] else "](../../"


def setup(app: Any) -> None:
    """Connect what changes pages before they are read."""
    app.connect("source-read", _contributing)
    app.connect("source-read", _inside)
