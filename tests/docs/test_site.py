"""The site is built from what is there, without a broken link, and people can read it.

Needs the extra ``docs``; the browser tests also playwright and a Chromium, as the reports' do.
"""

import importlib.util
import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"


def builder():
    spec = importlib.util.spec_from_file_location("docs_build", DOCS / "build.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_a_broken_link_is_found(tmp_path):
    (tmp_path / "a.html").write_text('<a href="b.html#x">b</a><img src="c.png"><a href="#y">y</a>')
    (tmp_path / "b.html").write_text('<p id="x"></p><a href="https://example.org">e</a>')
    assert builder().broken_links(tmp_path) == ["a.html: c.png", "a.html: #y"]


def test_every_page_is_in_a_list_of_contents():
    listed = (DOCS / "index.md").read_text("utf-8") + (DOCS / "guides/index.md").read_text("utf-8")
    pages = [p.relative_to(DOCS).with_suffix("") for p in DOCS.rglob("*.md")]
    own = [p for p in pages if p.parts[0] not in ("_build", "decisions") and p.name != "index"]
    assert [p for p in own if p.name not in listed.split() and str(p) not in listed.split()] == []


@pytest.fixture(scope="module")
def site():
    pytest.importorskip("myst_nb", reason="needs the extra onnxplain[docs]")
    built = subprocess.run([sys.executable, DOCS / "build.py"], capture_output=True, text=True)
    assert built.returncode == 0, built.stdout[-3000:] + built.stderr[-3000:]
    return DOCS / "_build" / "site"


@pytest.mark.slow
def test_the_site_is_built_and_notebooks_show_their_results(site):
    for name in ("pytorch", "keras", "int8", "detector", "audit", "wolves"):
        page = (site / "tutorials" / f"{name}.html").read_text("utf-8")
        assert "cell_output" in page
        assert "Traceback" not in page
    assert (site / "gallery.html").read_text("utf-8").count("<img") >= 6


@pytest.fixture(params=[1280, 360], ids=["desktop", "phone"])
def tab(site, request):
    sync_api = pytest.importorskip("playwright.sync_api")
    with sync_api.sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=os.environ.get("ONNXPLAIN_CHROMIUM"), args=["--no-sandbox"]
        )
        page = browser.new_page(viewport={"width": request.param, "height": 800})
        page.asked = []
        page.on("request", lambda asked: page.asked.append(asked.url))
        yield page
        browser.close()


@pytest.mark.browser
def test_pages_fit_the_screen_need_no_network_and_pass_axe(site, tab):
    axe = os.environ.get("ONNXPLAIN_AXE")
    names = [p.relative_to(site).as_posix() for p in sorted(site.rglob("*.html"))]
    for name in (n for n in names if not n.startswith("_")):
        tab.goto((site / name).as_uri())
        width = tab.evaluate("document.documentElement.scrollWidth")
        assert width <= tab.viewport_size["width"], name
        if axe:
            tab.add_script_tag(path=axe)
            found = tab.evaluate("axe.run(document, {resultTypes: ['violations']})")
            said = [(v["id"], v["nodes"][0]["html"][:120]) for v in found["violations"]]
            assert said == [], name
    assert [url for url in tab.asked if not url.startswith(("file:", "data:", "blob:"))] == []
