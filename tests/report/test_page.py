"""The page of an audit: self-contained, accessible in its structure, and safe."""

import base64
import hashlib
import re
from html.parser import HTMLParser

import pytest

from onnxplain.report.page import html
from tests.report.conftest import EVIL

_EMPTY = {"meta", "img", "br", "input"}


class Page(HTMLParser):
    """All elements with their attributes and text; every one must be closed in order."""

    def __init__(self, text):
        super().__init__()
        self.elements, self.open, self.texts = [], [], {}
        self.feed(text)
        assert self.open == []

    def handle_starttag(self, tag, attributes):
        self.elements.append((tag, dict(attributes)))
        if tag not in _EMPTY:
            self.open.append(tag)

    def handle_startendtag(self, tag, attributes):
        self.elements.append((tag, dict(attributes)))

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        if self.open:
            self.texts[self.open[-1]] = self.texts.get(self.open[-1], "") + data

    def all(self, tag):
        return [attributes for name, attributes in self.elements if name == tag]


@pytest.fixture
def parsed(page):
    return Page(page.read_text("utf-8"))


def test_nothing_is_loaded_from_elsewhere(page, parsed):
    for _, attributes in parsed.elements:
        for key in ("src", "href"):
            assert attributes.get(key, "#").startswith(("#", "data:image/"))
        assert not any(key.startswith("on") for key in attributes)
        assert "style" not in attributes
    text = page.read_text("utf-8")
    assert "@import" not in text
    assert "url(" not in text


def test_the_policy_allows_this_script_and_style_alone(page):
    text = page.read_text("utf-8")
    policy = re.search(r'Content-Security-Policy" content="([^"]+)"', text)[1]
    assert "default-src &#39;none&#39;" in policy
    for tag, source in (("script", "script-src"), ("style", "style-src")):
        (inside,) = re.findall(f"<{tag}>(.*?)</{tag}>", text, re.DOTALL)
        digest = base64.b64encode(hashlib.sha256(inside.encode()).digest()).decode()
        assert f"{source} &#39;sha256-{digest}&#39;" in policy


def test_names_are_text_and_never_markup(page, parsed):
    text = page.read_text("utf-8")
    assert len(parsed.all("script")) == 1
    assert EVIL not in text
    assert EVIL in parsed.texts["h1"]
    assert not [a for a in parsed.all("img") if a["src"] == "x" or "onerror" in a]
    assert "b <img src=x onerror=alert(1)>.png" in "".join(parsed.texts.values())


def test_structure_for_those_who_cannot_see(parsed):
    assert parsed.all("html")[0]["lang"] == "en"
    assert all(a.get("alt") for a in parsed.all("img"))
    assert all(a.get("scope") in ("col", "row") for a in parsed.all("th"))
    assert len(parsed.all("main")) == len(parsed.all("nav")) == len(parsed.all("h1")) == 1
    assert len(parsed.all("table")) == len(parsed.all("caption")) > 0
    charts = [a for a in parsed.all("svg") if "aria-hidden" not in a]
    assert charts
    assert all(a["role"] == "img" and a["aria-label"] for a in charts)
    ids = [a["id"] for _, a in parsed.elements if "id" in a]
    assert len(ids) == len(set(ids))
    links = [a["href"][1:] for a in parsed.all("a")]
    assert set(links) <= set(ids)


def test_suspects_come_first_and_each_photo_has_every_map(page, parsed):
    text = page.read_text("utf-8")
    places = [text.index(f'id="{n}"') for n in ("suspects", "answers", "classes", "provenance")]
    assert places == sorted(places)
    photos = [a for a in parsed.all("img") if "photo" in (a.get("class") or "")]
    layers = [a for a in parsed.all("img") if a.get("class") == "layer"]
    assert len(layers) == 2 * len(photos) > 0
    assert {a["data-method"] for a in layers if "hidden" not in a} == {"grad-cam"}


def test_each_photo_has_the_warnings_of_its_map(page, parsed):
    photos = [a for a in parsed.all("img") if "photo" in (a.get("class") or "")]
    warned = [a for a in parsed.all("p") if a.get("class") == "bad" and "data-of" in a]
    assert len(warned) >= len(photos) > 0
    assert {a["data-of"] for a in warned} == {"lrp"}
    assert all("hidden" in a for a in warned)  # Grad-CAM's map is shown at first
    assert "Warning: relevance explodes at &lt;script&gt;" in page.read_text("utf-8")


def test_maps_and_cards_say_which_side_is_shown(page, parsed):
    alts = {a["data-method"]: a["alt"] for a in parsed.all("img") if a.get("class") == "layer"}
    assert "only evidence for the target" in alts["grad-cam"]
    assert "against it (blue)" in alts["lrp"]
    assert page.read_text("utf-8").count("<dt>pictures show</dt>") == 2
    assert "Pictures show only evidence for the target." in page.with_suffix(".md").read_text()


def test_what_a_place_does_elsewhere_is_said(page):
    for path in (page, page.with_suffix(".md")):
        assert "+62 percentage points" in path.read_text("utf-8")


def test_what_a_method_is_bad_at_is_said(page):
    from onnxplain.methods import find

    text = page.read_text("utf-8")
    for name in ("grad-cam", "lrp"):
        assert find(name).failures.split(";")[0][:40].replace("'", "&#39;") in text


def test_a_missing_value_is_an_error_and_not_a_gap():
    import jinja2

    with pytest.raises(jinja2.UndefinedError):
        html("audit.html")
