"""The CLEAR figure: hue is the class, brightness the response, and every class has its name."""

import colorsys

import numpy as np
import pytest
from matplotlib import colormaps
from skimage.color import deltaE_ciede2000, rgb2lab

from onnxplain.errors import UsageError
from onnxplain.render.canvas import Cells, Mark
from onnxplain.render.class_colors import LIMIT, class_colors, colored
from onnxplain.render.clear_maps import clear_maps
from tests.made_explanations import made
from tests.readable import painted_boxes, require_readable
from tests.render.pages import images, texts, words

NAMES = (
    "tiger cat",
    "Egyptian cat",
    "a class with a name that needs " + "very " * 12 + "many lines",
)
SIDE = 40


def clear(count=3, side=SIDE, **changes):
    """Each class responds in a column of its own, the last column to none."""
    indices = np.arange(count) + 5
    responses = np.zeros((count, side, side))
    for k, columns in enumerate(np.array_split(np.arange(side - 1), count)):
        responses[k][:, columns] = 1.0 - 0.5 * (np.arange(side) % 2)[:, None]
    maps = {
        "classes": indices,
        "responses": responses,
        "dominant_class": np.where(responses.max(0) > 0, indices[responses.argmax(0)], -1),
        "dominant_response": responses.max(0),
        "opposing_class": np.full((side, side), -1),
        "opposing_response": np.zeros((side, side)),
    }
    return made(
        np.zeros((1, side, side)),
        ("C", "H", "W"),
        np.full((side, side, 1), 128, np.uint8),
        method="clear",
        maps=maps | changes,
        measures={"dominance": 0.25},
    )


def labels(count=3):
    return {k + 5: NAMES[k] if k < len(NAMES) else f"class of many {k}" for k in range(count)}


def nearest(colors):
    """CIEDE2000 of the two colours that look most alike, by scikit-image."""
    seen = rgb2lab(np.asarray(colors)[None])[0]
    return deltaE_ciede2000(seen[:, None], seen[None])[~np.eye(len(seen), dtype=bool)].min()


def published(count):
    """Tableau's palettes, made for categories: colours that people tell apart."""
    return np.array(colormaps[f"tab{count}"].colors)


@pytest.mark.parametrize("count", [10, 20])
def test_colours_are_told_apart_as_well_as_published_ones(count):
    """Although brightness, in which Tableau's differ as well, is left to the response."""
    colors = class_colors(count)
    assert colors.shape == (count, 3)
    np.testing.assert_allclose(colors.max(axis=1), 1.0)
    assert nearest(colors) > nearest(published(count))


def test_colours_around_the_wheel_would_not_be_told_apart():
    """The control: evenly spread hues, among which the greens are alike."""
    wheel = [colorsys.hsv_to_rgb(k / 20, 1.0, 1.0) for k in range(20)]
    assert nearest(wheel) < nearest(published(20))


def test_the_first_colours_are_told_apart_best():
    distances = [nearest(class_colors(count)) for count in range(2, LIMIT + 1)]
    assert distances == sorted(distances, reverse=True)
    assert LIMIT >= 20


def test_hue_is_the_class_and_value_the_response():
    colors = class_colors(10)
    winner = np.arange(10)[None]
    strength = np.linspace(0.1, 1.0, 10)[None]
    for rgb, own, value in zip(
        colored(winner, strength, colors)[0], colors, strength[0], strict=True
    ):
        hue, saturation, brightness = colorsys.rgb_to_hsv(*rgb)
        assert (hue, saturation) == pytest.approx(colorsys.rgb_to_hsv(*own)[:2])
        assert brightness == pytest.approx(value)


def test_the_drawn_map_holds_these_colours():
    colors = np.round(255 * class_colors(3))
    drawn = next(i for i in images(clear_maps(clear(), labels())) if i.shape == (SIDE, SIDE, 3))
    np.testing.assert_array_equal(drawn[0, 0], colors[0])
    np.testing.assert_array_equal(drawn[0, SIDE - 3], colors[2])
    np.testing.assert_array_equal(drawn[1, 0], np.round(colors[0] / 2))
    assert not drawn[:, -1].any()


@pytest.mark.parametrize("count", [1, 3, 10, 20])
def test_every_class_is_named_and_nothing_is_cut_off(count):
    page = clear_maps(clear(count), labels(count))
    shown = words(page)
    for k, name in labels(count).items():
        assert shown.count(f"({k})") >= 3  # two legends and a map of its own
        assert all(word in shown for word in name.split())
    require_readable(page)


def test_the_strongest_class_has_the_first_colour_and_silent_ones_none():
    """Of twelve classes two answer: the larger share is red, the others are counted."""
    side = SIDE
    responses = np.zeros((12, side, side))
    responses[3, :, :10], responses[7, :, 10:] = 1.0, 0.5
    indices = np.arange(12)
    winner = np.where(np.arange(side) < 10, 3, 7)[None].repeat(side, 0)
    maps = {
        "classes": indices, "responses": responses, "dominant_class": winner,
        "dominant_response": responses.max(0),
    }  # fmt: skip
    found = clear(12, **maps)
    page = clear_maps(found, {k: f"name {k}" for k in range(12)})
    drawn = next(i for i in images(page) if i.shape == (side, side, 3))
    colors = np.round(255 * class_colors(3))
    assert drawn[0, 20] @ colors[0] > 0
    np.testing.assert_array_equal(drawn[0, 20], np.round(colors[0] / 2))
    np.testing.assert_array_equal(drawn[0, 0], colors[1])
    said = " ".join(texts(page))
    own = found.target.index
    expected = {3, 7, own} & set(range(12))
    assert {k for k in range(12) if f"name {k} ({k})" in said} == expected
    assert f"{12 - len(expected)} more classes do not answer" in said
    assert "more class" not in " ".join(texts(clear_maps(clear(), labels())))
    # A panel for each class that answers, and one for the heat map of all.
    assert sum(isinstance(item, Cells) for item in page.items) == len(expected) + 1


def test_colours_that_repeat_are_told_of():
    said = f"colours repeat after {LIMIT} classes"
    assert said not in words(clear_maps(clear(LIMIT, side=LIMIT + 1), labels(LIMIT)))
    more = LIMIT + 5
    assert words(clear_maps(clear(more, side=more + 1), labels(more))).count(said) == 2


def test_legends_do_not_touch_the_maps_below():
    boxes = painted_boxes(clear_maps(clear(20), labels(20)))
    top = next(box[1] for text, box in boxes if text == "response of each class")
    legend = [box[3] for text, box in boxes if text.startswith("share of the response")]
    assert len(legend) == 2
    assert max(legend) < top


def test_classes_are_written_into_the_map_too():
    """Colours alone are not for everybody."""

    def written(side):
        page = clear_maps(clear(side=side), labels())
        return [item.text for item in page.items if isinstance(item, Mark)]

    assert sorted(written(SIDE)) == ["5", "6", "7"]
    assert len(written(8)) == 8 * 7
    assert set(written(8)) == {"5", "6", "7"}


def test_nothing_responds():
    blank = np.zeros((3, SIDE, SIDE))
    nobody = np.full((SIDE, SIDE), -1)
    page = clear_maps(
        clear(responses=blank, dominant_class=nobody, dominant_response=blank[0]), labels()
    )
    assert "0 %" in texts(page)


def test_other_methods_have_no_such_picture():
    with pytest.raises(UsageError, match="clear has"):
        clear_maps(made(np.eye(4)))
