"""The page of the web example in Chromium: its map is the product's.

Needs what `tests/report/test_browser.py` needs, and ``npm install`` in ``examples/web``.
With ``ONNXPLAIN_SCREENSHOTS`` it leaves pictures of the page in that folder.
"""

import functools
import http.server
import json
import os
import threading
import time
from pathlib import Path

import numpy as np
import pytest

import onnxplain
from onnxplain.export.view import View

pytestmark = pytest.mark.browser
ROOT = Path(__file__).parents[2]
PAGE = "examples/web"
CAT = ROOT / "examples/photos/chelsea.png"
LITE, GAP = ROOT / "models/efficientnet-lite0.onnx", ROOT / "models/digits-gap.onnx"
# What an event of the page holds, as plain numbers.
LISTEN = """
window.heard = [];
document.addEventListener("explained", ({ detail }) => window.heard.push({
  scores: detail.scores,
  maps: Object.fromEntries(Object.entries(detail.maps).map(
    ([method, map]) => [method, { data: [...map.data], dims: map.dims }])),
  x: [...detail.x.data], dims: detail.x.dims, milliseconds: detail.milliseconds,
}));
"""


@pytest.fixture(scope="module")
def server():
    if not (ROOT / PAGE / "node_modules/onnxruntime-web").is_dir():
        pytest.skip("examples/web has no node_modules; run npm install there")

    class Quiet(http.server.SimpleHTTPRequestHandler):
        def log_message(self, *_):
            pass

    handler = functools.partial(Quiet, directory=ROOT)
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as serving:
        threading.Thread(target=serving.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{serving.server_port}"
        serving.shutdown()


@pytest.fixture(params=[1280, 360], ids=["desktop", "phone"])
def width(request):
    return request.param


@pytest.fixture
def tab(browser, server, request):
    width = request.getfixturevalue("width") if "width" in request.fixturenames else 1280
    tab = browser.new_page(viewport={"width": width, "height": 900})
    tab.said, tab.asked = [], []
    tab.on("console", lambda message: tab.said.append(message.text))
    tab.on("pageerror", lambda error: tab.said.append(str(error)))
    tab.on("request", lambda asked: tab.asked.append(asked.url))
    tab.add_init_script(LISTEN)
    tab.goto(f"{server}/{PAGE}/")
    yield tab
    tab.close()


def give(tab, *files):
    """Choose files, and return what is found."""
    before = tab.evaluate("heard.length")
    tab.set_input_files("#files", [str(f) for f in files])
    return found_after(tab, before)


def found_after(tab, before):
    """What is found, once it is; the page forbids what waits by itself: eval."""
    wait(tab, lambda: tab.evaluate("heard.length") > before or tab.is_visible("#error"))
    assert not tab.is_visible("#error"), tab.text_content("#error")
    return tab.evaluate("heard.at(-1)")


def refused(tab, *files):
    """Choose files, and return the error."""
    tab.set_input_files("#files", [str(f) for f in files])
    wait(tab, lambda: tab.is_visible("#error"))
    return tab.text_content("#error")


def wait(tab, until):
    end = time.monotonic() + 120
    while not until():
        assert time.monotonic() < end, tab.text_content("main")
        tab.wait_for_timeout(50)


def beside(path):
    return [path.with_suffix(end) for end in (".preprocess.json", ".labels.json")]


def as_array(map_):
    return np.array(map_["data"]).reshape(map_["dims"])[0]


def picture(tab, name):
    folder = os.environ.get("ONNXPLAIN_SCREENSHOTS")
    if folder:
        tab.screenshot(path=str(Path(folder) / f"{name}.png"), full_page=True)


def test_the_map_of_a_photo_is_that_of_explain(tab, exported):
    """Its pixels are equal, the page resizes as Pillow does; the map is, within 1e-5."""
    carrying = exported("efficientnet-lite0", "grad-cam", required=True)
    found = give(tab, carrying, CAT, *beside(LITE))
    model = onnxplain.load(LITE)
    np.testing.assert_array_equal(
        np.array(found["x"], np.float32).reshape(found["dims"]), model.read(CAT).x
    )
    for target in (None, 285):
        if target is not None:
            before = tab.evaluate("heard.length")
            tab.select_option("#target", str(target))
            found = found_after(tab, before)
        theirs = model.explain(CAT, "grad-cam", target).attribution
        scale = np.abs(theirs).max()
        error = np.abs(as_array(found["maps"]["grad-cam"]) - theirs).max() / scale
        print(f"{found['milliseconds']:.0f} ms, the map differs by {error:.1e}")
        assert error < 1e-5
    assert tab.text_content("[aria-current] th") == model.labels[285]


def test_the_shipped_example_works_by_one_button(tab, width, exported):
    carrying = exported("efficientnet-lite0", "grad-cam", required=True, view=View(uint8=True))
    tab.route("**/efficientnet-lite0.explained.onnx", lambda r: r.fulfill(path=carrying))
    tab.focus("#shipped")
    tab.keyboard.press("Enter")
    found = found_after(tab, 0)
    names = json.loads(beside(LITE)[1].read_text())
    assert "cat" in names[int(np.argmax(found["scores"]))]
    theirs = onnxplain.load(LITE).explain(CAT, "grad-cam").attribution
    ours = as_array(found["maps"]["grad-cam"])
    np.testing.assert_allclose(ours, theirs, rtol=0, atol=1e-5 * np.abs(theirs).max())
    assert not tab.is_visible("#note")
    assert tab.text_content("tbody th") == names[int(np.argmax(found["scores"]))]
    assert tab.evaluate("document.documentElement.scrollWidth") <= width
    assert {url.split("/")[2] for url in tab.asked if not url.startswith(("data:", "blob:"))} == {
        tab.url.split("/")[2]
    }
    assert tab.said == []
    picture(tab, f"light-{width}")
    tab.emulate_media(color_scheme="dark")
    picture(tab, f"dark-{width}")


@pytest.mark.parametrize("inside", [False, True])
def test_controls(tab, exported, inside):
    view = View(uint8=inside, overlay=inside)
    carrying = exported("digits-gap", "grad-cam,gradient", required=True, view=view)
    x = ROOT / "examples/digits/3-10.png"
    found = give(tab, carrying, x, *beside(GAP))
    model = onnxplain.load(GAP)
    for contrast, asked in ((-1, {}), (-2, {"margin": True})):
        if contrast != -1:
            tab.select_option("#contrast", str(contrast))
            found = found_after(tab, 1)
        for method in ("grad-cam", "gradient"):
            theirs = model.explain(x, method, **asked).attribution
            ours = as_array(found["maps"][method])
            np.testing.assert_allclose(ours, theirs, rtol=0, atol=1e-5 * np.abs(theirs).max())
    drawn = "document.getElementById('map').toDataURL()"
    first = tab.evaluate(drawn)
    tab.select_option("#method", "gradient")
    assert tab.evaluate(drawn) != first
    tab.focus("#opacity")
    tab.keyboard.press("Home")
    assert tab.evaluate("getComputedStyle(document.getElementById('map')).opacity") == "0"
    assert tab.text_content("#shown") == "0 %"


def test_colours_are_where_the_map_is(tab, exported):
    found = give(
        tab, exported("digits-gap", "gradient", required=True), ROOT / "examples/digits/3-10.png"
    )
    map_ = as_array(found["maps"]["gradient"])[0]
    row, column = np.unravel_index(map_.argmax(), map_.shape)
    lowest = np.unravel_index(map_.argmin(), map_.shape)
    for (i, j), place in (((row, column), 0), (lowest, 2)):
        middle = ((np.array([j, i]) + 0.5) * 512 / 8).astype(int)
        pixel = tab.evaluate(
            f"[...document.getElementById('map').getContext('2d')"
            f".getImageData({middle[0]}, {middle[1]}, 1, 1).data]"
        )
        assert pixel[place] > pixel[2 - place]
        assert pixel[3] > 200


def test_a_file_with_defaults_explains_what_is_predicted(tab, exported):
    found = give(
        tab, exported("digits-gap", "gradient"), ROOT / "examples/digits/3-10.png", *beside(GAP)
    )
    theirs = onnxplain.load(GAP).explain(ROOT / "examples/digits/3-10.png", "gradient").attribution
    ours = as_array(found["maps"]["gradient"])
    np.testing.assert_allclose(ours, theirs, rtol=0, atol=1e-5 * np.abs(theirs).max())
    assert tab.is_disabled("#target")
    assert "--required-inputs" in tab.text_content("#note")


def test_what_is_assumed_is_said(tab, exported):
    give(
        tab,
        exported("digits-gap", "gradient", required=True),
        ROOT / "examples/digits/3-10.png",
        beside(LITE)[1],
    )
    note = tab.text_content("#note")
    assert "No preprocessing was given" in note
    assert "1000 class names do not fit 10 scores" in note
    give(tab, *beside(GAP))
    assert not tab.is_visible("#note")


def test_what_cannot_be_read_is_said_in_one_line(tab, exported, tmp_path):
    digit = ROOT / "examples/digits/3-10.png"
    files = {"text.onnx": "no model", "empty.onnx": "", "text.png": "no picture", "list.json": "{"}
    for name, text in files.items():
        (tmp_path / name).write_text(text)
    recipe = json.loads(beside(GAP)[0].read_text())
    (tmp_path / "pad.json").write_text(json.dumps(recipe | {"resize": "pad"}))
    carrying = exported("digits-gap", "gradient", required=True)
    damaged = tmp_path / "damaged.onnx"
    damaged.write_bytes(carrying.read_bytes()[:-40])
    for given, said in (
        ([tmp_path / "text.onnx"], "text.onnx is not an ONNX model"),
        ([tmp_path / "empty.onnx"], "empty.onnx is not an ONNX model"),
        ([damaged], "damaged.onnx is not an ONNX model, or it is damaged"),
        ([GAP], "digits-gap.onnx carries no maps; write a file that does: onnxplain export"),
        ([tmp_path / "text.png"], "text.png is not a picture"),
        ([tmp_path / "list.json"], "list.json is not JSON"),
        ([carrying, digit, tmp_path / "pad.json"], "does not know this preprocessing: resize pad"),
    ):
        told = refused(tab, *given)
        assert said in told
        assert "\n" not in told
    assert give(tab, carrying, digit, *beside(GAP))["scores"]


def test_axe_finds_nothing(tab, width, exported):
    rules = os.environ.get("ONNXPLAIN_AXE")
    if rules is None:
        pytest.skip("ONNXPLAIN_AXE does not name axe.min.js")
    give(
        tab,
        exported("digits-gap", "gradient", required=True),
        ROOT / "examples/digits/3-10.png",
        *beside(GAP),
    )
    tab.evaluate(Path(rules).read_text("utf-8"))
    for scheme in ("light", "dark"):
        tab.emulate_media(color_scheme=scheme)
        found = tab.evaluate("axe.run()")
        assert len(found["passes"]) > 15
        assert [(v["id"], v["nodes"][0]["html"]) for v in found["violations"]] == []
