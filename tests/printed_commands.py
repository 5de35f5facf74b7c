"""The commands and programs that the README and the site print."""

import re
import shlex
from pathlib import Path

ROOT = Path(__file__).parents[1]
# They measure for hours.
_LEFT_OUT = {"benchmarks"}
# Programs of other pages are examples of extensions, which have tests of their own.
_WITH_PROGRAMS = {"README", "start", "features"}
PAGES = [
    ROOT / "README.md",
    *(page for page in sorted((ROOT / "docs").glob("*.md")) if page.stem not in _LEFT_OUT),
    *sorted((ROOT / "docs" / "tutorials").glob("*.md")),
]


def steps(page):
    """What a page tells the reader to run, in order: pairs of "onnxplain" or "python", and text."""
    text = page.read_text("utf-8")
    for kind, block in re.findall(r"^```(sh|python|\{code-cell\})\n(.*?)^```", text, re.S | re.M):
        if kind == "python" and page.stem in _WITH_PROGRAMS:
            yield "python", block
        for line in block.splitlines() if kind != "python" else ():
            if line.startswith("onnxplain ") if kind == "sh" else line.startswith("!onnxplain "):
                yield "onnxplain", line.lstrip("!")


def commands(page):
    """Command lines of a page, in order."""
    return [text for kind, text in steps(page) if kind == "onnxplain"]


def words_of(line):
    """Words of a line after ``onnxplain``, without a comment or what it is piped into."""
    return shlex.split(line.partition(" | ")[0], comments=True)[1:]


ALL = [(page, line) for page in PAGES for line in commands(page)]
