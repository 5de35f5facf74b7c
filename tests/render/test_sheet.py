"""Sheets: what is on them, and that all of it can be read."""

import io

import numpy as np
import pytest
from PIL import Image

from onnxplain.errors import OutputError, UsageError
from onnxplain.render import save
from onnxplain.render.captions import percent, score_of
from onnxplain.render.overlay import overlay
from onnxplain.render.save import save_image, save_page
from onnxplain.render.sheet import sheet
from onnxplain.targets.boxes.box_match import BoxMatch
from onnxplain.targets.boxes.box_number import BoxNumber
from onnxplain.targets.boxes.codes import BoxCode
from onnxplain.targets.boxes.columns import Columns
from onnxplain.targets.boxes.layout import BoxLayout
from onnxplain.targets.target import Target
from tests.made_explanations import made
from tests.readable import require_readable
from tests.render.pages import bold, images, texts

LONG = "a class with a name that is far too long to fit into a single line of one panel"
METHODS = "occlusion cam grad-cam saliency gradient-x-input integrated-gradients lrp".split()


def with_target(index, **changes):
    return made(np.eye(4), target=Target(index, "logit", "logits", "none", 3, None, ""), **changes)


def test_a_sheet_names_model_picture_classes_methods_and_scores():
    explanations = [
        made(np.eye(4), measures={"completeness_gap": -0.0123, "parity_error": 1e-7}),
        made(np.eye(2), method="grad-cam", display="positive", layer="features"),
    ]
    found = "\n".join(texts(sheet(explanations)))
    for expected in (
        "m.onnx", "x.png", "the model sees 4 x 4", "cat (1)", "70 %", "dog (0)", "20 %",
        "gradient-x-input", "grad-cam", "logit of cat (1): 2.5", "2 x 2 at features",
        "completeness gap \u22121.23 %", "against \u22121", "for 1", "no evidence 0",
    ):  # fmt: skip
        assert expected in found
    assert "engines differ" not in found


def test_the_target_is_marked():
    found = bold(sheet([made(np.eye(4))]))
    assert "cat (1)" in found
    assert "dog (0)" not in found


LAYOUT = BoxLayout(
    Columns(("rows",), first=0, stop=4), BoxCode("xyxy"), Columns(("rows",), first=4, stop=7), 3
)
SIDES = (2.0, 0.0, 4.0, 4.0)
WORDS = "dog#1 in (2, 0, 4, 4)"


@pytest.mark.parametrize(
    "target",
    [
        BoxMatch(WORDS, "dog-1", LAYOUT, SIDES, 0, ""),
        BoxNumber(WORDS, "dog-1", LAYOUT, 5, 0, SIDES, "width", None, ""),
    ],
)
def test_boxes_have_the_numbers_of_the_table(target):
    """They are no classes: none has an index; the picture of boxes counts from one."""
    names = {0: "cat#1", 1: "dog#1", 2: "dog#10"}
    page = sheet([made(np.eye(4), target=target, labels=names, unit="score")])
    assert {"1 cat#1", "2 dog#1", "3 dog#10"} <= set(texts(page))
    assert [t for t in bold(page) if "#" in t] == ["2 dog#1"]


def test_a_target_outside_of_the_top_five_is_listed():
    probabilities = (0.3, 0.01, 0.2, 0.2, 0.15, 0.14)
    found = texts(sheet([made(np.eye(4), probabilities=probabilities)]))
    assert "cat (1)" in found
    assert "1 %" in found


def test_disagreeing_engines_are_named():
    found = " ".join(texts(sheet([made(np.eye(4), measures={"parity_error": 0.1})])))
    assert "not the deployed function: the engines differ by 10 %" in found


def test_contrast_is_named():
    target = Target(1, "logit", "logits", "none", 3, 2, "cat")
    found = " ".join(texts(sheet([made(np.eye(4), target=target, score=0.5)])))
    assert "logit of cat (1) minus cow (2): 0.5" in found


def test_a_map_of_zeros_says_so():
    assert "zero everywhere" in texts(sheet([made(np.zeros((4, 4)))]))


def test_panels_wrap_after_four_columns():
    pages = {n: sheet([made(np.eye(4))] * n) for n in (1, 3, 4, 7)}
    assert pages[3].width == pages[4].width == pages[7].width > pages[1].width
    assert pages[3].height < pages[4].height == pages[7].height


def test_every_target_of_several_methods_has_a_row_of_its_own():
    asked = [with_target(k, method=m) for k in (1, 0) for m in ("lrp", "gradient")]
    found = texts(sheet(asked))
    assert found.count("the model sees 4 x 4") == 2


@pytest.mark.parametrize(
    "name",
    [
        "cat",
        LONG,
        "W" * 90,
        "AN AEROPLANE OR WARSHIP MADE OF MAHOGANY",
        "$\\frac{1}$ & <b>\u00fc\nnew",
    ],
)
def test_nothing_overlaps_or_is_cut_off(name):
    target = Target(1, "logit", "logits", "none", 3, 0, name)
    explanations = [
        made(
            np.eye(4) * 1e-7, method=method, target=target, labels={0: name, 1: name, 2: name},
            layer="block/" + "layer." * 12 if method == "cam" else None,
            measures={"completeness_gap": 0.25, "conservation": 0.5, "parity_error": 1.0},
        )
        for method in METHODS
    ]  # fmt: skip
    require_readable(sheet(explanations))


def test_a_long_file_name_fits():
    record = made(np.eye(4)).provenance | {"input": "folder/" + "long-name-" * 20 + ".png"}
    require_readable(sheet([made(np.eye(4), provenance=record)]))


def test_a_tall_and_a_wide_picture_fit():
    for shape in ((400, 20, 3), (20, 400, 3)):
        explanation = made(np.ones(shape[:2]), pixels=np.zeros(shape, np.uint8))
        require_readable(sheet([explanation]))


def test_an_unknown_method_is_drawn_without_its_meaning():
    assert "from-the-future" in texts(sheet([made(np.eye(4), method="from-the-future")]))


def test_nothing_and_several_pictures_are_refused():
    with pytest.raises(UsageError, match="at least one"):
        sheet([])
    other = made(np.eye(4), provenance={"input_sha256": "1"})
    with pytest.raises(UsageError, match="several"):
        sheet([made(np.eye(4)), other])


@pytest.mark.parametrize("display", ["signed", "positive", "magnitude"])
def test_the_picture_on_the_sheet_is_the_overlay(display):
    pixels = np.full((4, 4, 3), (200, 100, 0), np.uint8)
    explanation = made(np.diag([1.0, 0, 0, -1.0]), pixels=pixels, display=display)
    overlays = [i for i in images(sheet([explanation])) if i.shape == (448, 448, 3)]
    assert any((o == np.asarray(overlay(explanation))).all() for o in overlays)


@pytest.mark.parametrize("display", ["signed", "positive", "magnitude"])
@pytest.mark.parametrize("tone", [0, 200])
def test_the_bar_on_the_sheet_has_the_colours_of_the_picture(display, tone):
    values = np.linspace(-1, 1, 16).reshape(4, 4)
    pixels = np.full((4, 4, 3), tone, np.uint8)
    explanation = made(values, pixels=pixels, display=display, layer="f")
    (bar,) = (i for i in images(sheet([explanation])) if i.shape[0] == 1)
    drawn = np.asarray(overlay(explanation)).reshape(-1, 3)
    assert {tuple(c) for c in drawn} <= {tuple(c) for c in bar[0]}
    assert tuple(drawn[-1]) == tuple(bar[0, -1])


def test_files_are_whole_png_files(tmp_path):
    save_page(sheet([made(np.eye(4))]), tmp_path / "new" / "sheet.png")
    save_image(made(np.eye(4)).overlay(), tmp_path / "overlay.png")
    assert Image.open(tmp_path / "new" / "sheet.png").size[0] > 600
    assert Image.open(tmp_path / "overlay.png").size == (448, 448)
    assert sorted(p.name for p in tmp_path.iterdir()) == ["new", "overlay.png"]


def test_a_failure_while_drawing_leaves_no_file(tmp_path, monkeypatch):
    def stop(file, pixels):
        file.write(b"half")
        raise KeyboardInterrupt

    monkeypatch.setattr(save, "write_png", stop)
    with pytest.raises(KeyboardInterrupt):
        save_page(sheet([made(np.eye(4))]), tmp_path / "sheet.png")
    assert list(tmp_path.iterdir()) == []


def test_an_unwritable_place_is_one_clear_error(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(OutputError, match="choose another folder"):
        save_image(Image.new("RGB", (1, 1)), tmp_path / "file" / "a.png")


def test_notebooks_get_a_picture():
    image = Image.open(io.BytesIO(made(np.eye(4))._repr_png_()))
    assert image.format == "PNG"


@pytest.mark.parametrize(
    ("share", "text"),
    [(0.0, "0 %"), (1.0, "100 %"), (0.12345, "12.3 %"), (-0.5, "\u221250 %"), (1e-7, "< 0.001 %")],
)
def test_shares_are_written_as_percent(share, text):
    assert percent(share) == text


@pytest.mark.parametrize(
    ("unit", "value", "text"),
    [("probability", 0.99996, "> 99.9 %"), ("probability", 1.0, "100 %"), ("logit", 0.5, "0.5")],
)
def test_a_score_that_is_nearly_one_is_not_written_as_one(unit, value, text):
    assert score_of(unit, value) == text


def test_targets_of_one_method_fill_a_block():
    several = [with_target(k) for k in range(3)]
    page = sheet(several)
    assert page.width == pytest.approx(sheet(several, columns=3).width)
    methods = [w for w in bold(page) if w.startswith("gradient-x-input: ")]
    assert len(methods) == len(set(methods)) == 3
    assert len([w for w in texts(page) if w.startswith("the model sees")]) == 1


def test_several_values_of_a_parameter_are_told_apart():
    page = sheet([made(np.eye(4), parameters={"window": w, "same": 1}) for w in (2, 4)])
    said = texts(page)
    assert sum(t.endswith("window=2") for t in said) == 1
    assert sum(t.endswith("window=4") for t in said) == 1
    assert not any("same" in t for t in said)


def test_columns_bound_the_width():
    maps = [made(np.eye(4), method=m) for m in ("a", "b", "c")]
    assert sheet(maps, columns=2).width < sheet(maps).width
    assert sheet(maps, columns=2).height > sheet(maps).height
    with pytest.raises(UsageError, match="1 or more"):
        sheet(maps, columns=0)


def of_classes(*indices, probabilities=(0.4, 0.3, 0.1, 0.1, 0.05, 0.03, 0.02)):
    labels = {k: f"name{k}" for k in range(len(probabilities))}
    return [with_target(k, probabilities=probabilities, labels=labels) for k in indices]


def test_every_class_that_is_explained_is_marked():
    page = sheet(of_classes(0, 2, 6))
    marked = [t for t in bold(page) if t.startswith("name") and ")" in t]
    assert {"name0 (0)", "name2 (2)", "name6 (6)"} == set(marked)
    assert "name1 (1)" in texts(page)
    assert "red: the classes that are explained" in texts(page)
    assert "red: the class that is explained" in texts(sheet(of_classes(0)))


def test_as_many_columns_as_are_asked_for():
    five = of_classes(0, 1, 2, 3, 4)
    row, block = sheet(five, columns=6), sheet(five)
    assert (row.width, row.height) > (block.width, 0)
    assert row.height < block.height < 2 * row.width
    assert row.width / row.height > 2
