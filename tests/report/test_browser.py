"""The page in a real browser: quiet, without network, and its controls work.

Needs playwright and a Chromium: ``playwright install chromium``, or one named by
``ONNXPLAIN_CHROMIUM``. With axe-core's ``axe.min.js`` named by ``ONNXPLAIN_AXE`` its
rules are checked as well.
"""

import os
from pathlib import Path

import pytest

pytestmark = pytest.mark.browser


@pytest.fixture(params=[1280, 360], ids=["desktop", "phone"])
def opened(browser, page, request):
    tab = browser.new_page(viewport={"width": request.param, "height": 800})
    tab.said, tab.asked = [], []
    tab.on("console", lambda message: tab.said.append(message.text))
    tab.on("pageerror", lambda error: tab.said.append(str(error)))
    tab.on("request", lambda asked: tab.asked.append(asked.url))
    tab.goto(page.as_uri())
    yield tab
    tab.close()


def test_quiet_without_network_and_not_wider_than_the_screen(opened):
    assert opened.said == []
    assert [url for url in opened.asked if not url.startswith("data:")] == [opened.url]
    width = opened.evaluate("document.documentElement.scrollWidth")
    assert width <= opened.viewport_size["width"]
    assert opened.evaluate("[...document.images].every(i => i.complete && i.naturalWidth > 0)")


def test_maps_are_switched(opened):
    shown = "[...document.querySelectorAll('.layer')].filter(l => l.offsetParent)"
    methods = f"[...new Set({shown}.map(l => l.dataset.method))]"
    assert opened.evaluate(methods) == ["grad-cam"]
    opened.check("input[value=lrp]")
    assert opened.evaluate(methods) == ["lrp"]
    opened.check("input[name=map][value='']")
    assert opened.evaluate(methods) == []


def test_curves_of_a_picture_are_those_of_the_chosen_method(opened):
    opened.focus("details.plain summary")
    opened.keyboard.press("Enter")
    shown = (
        "[...document.querySelectorAll('details.plain svg.chart')].filter(c => c.checkVisibility())"
    )
    titles = f"{shown}.map(c => c.getAttribute('aria-label').split(' by ')[1].split('.')[0])"
    assert opened.evaluate(titles) == ["grad-cam"]
    opened.check("input[value=lrp]")
    assert opened.evaluate(titles) == ["lrp"]
    # Wider tables would lie on those of the next picture.
    width = "document.querySelector('details.plain {}').offsetWidth"
    assert opened.evaluate(f"{width.format('div:nth-of-type(2) table')} <= 12 + {width.format('')}")


def test_maps_are_blended_by_keyboard(opened):
    opacity = "getComputedStyle(document.querySelector('.layer')).opacity"
    assert opened.evaluate(opacity) == "0.6"
    opened.focus("#blend")
    opened.keyboard.press("Home")
    assert opened.evaluate(opacity) == "0"
    opened.keyboard.press("End")
    assert opened.evaluate(opacity) == "1"
    assert opened.text_content("#blended") == "100 %"


def test_tables_are_sorted_by_keyboard_and_by_number(opened):
    table = "[aria-label='Table of measures'] table"
    means = f'[...document.querySelectorAll("{table} tbody tr")].map(r => r.cells[2].textContent)'
    assert opened.evaluate(means) == ["10", "9"]
    opened.focus(f"{table} th:nth-child(3) button")
    opened.keyboard.press("Enter")
    assert opened.evaluate(means) == ["9", "10"]
    assert opened.get_attribute(f"{table} th:nth-child(3)", "aria-sort") == "ascending"
    opened.keyboard.press("Enter")
    assert opened.evaluate(means) == ["10", "9"]
    assert opened.get_attribute(f"{table} th:nth-child(3)", "aria-sort") == "descending"


def test_paper_has_everything_but_the_controls(opened):
    opened.emulate_media(media="print")
    opened.evaluate("dispatchEvent(new Event('beforeprint'))")
    assert not opened.is_visible(".tools")
    assert not opened.is_visible("nav")
    assert opened.evaluate("[...document.querySelectorAll('details')].every(d => d.open)")
    assert opened.pdf().startswith(b"%PDF")


def test_a_report_is_a_few_pages_and_the_appendix_more(opened):
    """The appendix is printed only if it is asked for."""
    assert opened.is_visible("#pictures")
    opened.emulate_media(media="print")
    assert not opened.is_visible("#pictures")
    assert opened.is_visible(".verdict")
    short = opened.pdf().count(b"/Type /Page\n")
    opened.emulate_media(media="screen")
    opened.check("#print-appendix")
    opened.emulate_media(media="print")
    assert opened.is_visible("#pictures")
    assert 1 <= short <= 6
    assert short < opened.pdf().count(b"/Type /Page\n")


def test_axe_finds_nothing(opened):
    rules = os.environ.get("ONNXPLAIN_AXE")
    if rules is None:
        pytest.skip("ONNXPLAIN_AXE does not name axe.min.js")
    opened.evaluate("document.querySelectorAll('details').forEach(d => { d.open = true; })")
    opened.evaluate(Path(rules).read_text("utf-8"))
    found = opened.evaluate("axe.run()")
    assert len(found["passes"]) > 20
    assert [(v["id"], v["nodes"][0]["html"]) for v in found["violations"]] == []
