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


def main() -> int:
    """Build the site and follow its links; the exit code."""
    command = [sys.executable, "-m", "sphinx", "-W", "--keep-going", "-b", "html"]
    built = subprocess.run([*command, "-d", str(DOCS / "_build" / "trees"), str(DOCS), str(SITE)])
    if built.returncode:
        return built.returncode
    broken = broken_links(SITE)
    for link in broken:
        print(f"broken link: {link}", file=sys.stderr)
    print(f"{SITE / 'index.html'}: {len(list(SITE.rglob('*.html')))} pages")
    return 1 if broken else 0


if __name__ == "__main__":
    sys.exit(main())
