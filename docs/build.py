"""Build the documentation site without a network: ``python docs/build.py``.

Needs the extra ``docs``. Sphinx runs the notebooks and treats each warning as an error, a broken
link among pages included; then every link of the finished pages is followed, to its anchor.
"""

from __future__ import annotations

import subprocess
import sys
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit

DOCS = Path(__file__).parent.resolve()
SITE = DOCS / "_build" / "site"


# What the theme leaves out for people who use a keyboard or a screen reader.
_ACCESS = {
    '<p class="caption" role="heading">': '<p class="caption" role="heading" aria-level="2">',
    '<aside class="sidebar-drawer">': '<aside class="sidebar-drawer" aria-label="All pages">',
    '<aside class="toc-drawer': '<aside aria-label="On this page" class="toc-drawer',
    "<pre>": '<pre tabindex="0">',
    '<div class="table-wrapper': '<div tabindex="0" class="table-wrapper',
    '<th class="head"><p></p></th>': "<td></td>",
    '<div id="search-results">': '<h1>Search</h1>\n<div id="search-results">',
}


class _Page(HTMLParser):
    """What a page links to, and which anchors it has."""

    def __init__(self) -> None:
        super().__init__()
        self.links: list[str] = []
        self.anchors: set[str] = set()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Note the links and the anchor of one element."""
        found = {name: value or "" for name, value in attrs}
        self.anchors.add(found.get("id", ""))
        self.links += [found[name] for name in ("href", "src") if name in found]


def broken_links(site: Path) -> list[str]:
    """Return links of a built site that lead nowhere, as "page: link"."""
    pages: dict[Path, _Page] = {}
    for path in sorted(site.rglob("*.html")):
        pages[path] = _Page()
        pages[path].feed(path.read_text("utf-8"))
    broken = []
    for path, page in pages.items():
        for link in page.links:
            parts = urlsplit(link)
            if parts.scheme or parts.netloc:
                continue
            file = (path.parent / unquote(parts.path)).resolve() if parts.path else path
            anchors = pages[file].anchors if file in pages else {parts.fragment}
            if not file.exists() or (parts.fragment and unquote(parts.fragment) not in anchors):
                broken.append(f"{path.relative_to(site)}: {link}")
    return broken


def make_accessible(site: Path) -> None:
    """Add to each page what the theme leaves out."""
    for path in site.rglob("*.html"):
        text = path.read_text("utf-8")
        for plain, better in _ACCESS.items():
            text = text.replace(plain, better)
        path.write_text(text, "utf-8")


def main() -> int:
    """Build the site and follow its links; the exit code."""
    command = [sys.executable, "-m", "sphinx", "-W", "--keep-going", "-b", "html"]
    built = subprocess.run([*command, "-d", str(DOCS / "_build" / "trees"), str(DOCS), str(SITE)])
    if built.returncode:
        return built.returncode
    make_accessible(SITE)
    broken = broken_links(SITE)
    for link in broken:
        print(f"broken link: {link}", file=sys.stderr)
    print(f"{SITE / 'index.html'}: {len(list(SITE.rglob('*.html')))} pages")
    return 1 if broken else 0


if __name__ == "__main__":
    sys.exit(main())
