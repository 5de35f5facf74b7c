"""Pictures and cards say which side of a map they show: for the target, against it, or neither."""

import numpy as np
import pytest

from onnxplain.methods import registered
from onnxplain.render.comparison import ComparedPhoto, comparison_figure
from onnxplain.render.sheet import sheet
from tests.made_explanations import made
from tests.render.pages import texts

# What red or bright means, for every method: written down by hand, from the papers.
FOR, AGAINST, RAISES = "for", "against", "raises"
HIGH = {
    "cam": FOR,
    "grad-cam": FOR,
    "grad-cam++": FOR,
    "hirescam": FOR,
    "xgrad-cam": FOR,
    "layercam": FOR,
    "layercam-scales": FOR,
    "g-came": FOR,
    "odam": FOR,
    "score-cam": FOR,
    "ablation-cam": FOR,
    "recipro-cam": FOR,
    "gradient-attention-rollout": FOR,
    "gradient-x-input": FOR,
    "integrated-gradients": FOR,
    "expected-gradients": FOR,
    "guided-ig": FOR,
    "blur-ig": FOR,
    "deeplift": FOR,
    "lrp": FOR,
    "attn-lrp": FOR,
    "libragrad": FOR,
    "occlusion": FOR,
    "prediction-difference": FOR,
    "rise": FOR,
    "d-rise": FOR,
    "lime": FOR,
    "kernel-shap": FOR,
    "sobol": "all",
    "hsic": "much",
    "region-search": "first",
    "counterfactual-grad-cam": AGAINST,
    "gradient": RAISES,
    "guided-backprop": RAISES,
    "deconvnet": RAISES,
    "guided-grad-cam": RAISES,
    "clear": RAISES,
    "eigen-cam": "stands out",
    "activation": "answers",
    "enriched": "seen",
    "deep-taylor": "much of the score",
    "attention-rollout": "much attention",
    "saliency": "strong effect",
    "smoothgrad": "positive",
    "smoothgrad-squared": "strong effect",
    "vargrad": "varies",
}
CARDS = registered()


def test_every_method_is_listed():
    assert set(HIGH) == set(CARDS)


@pytest.mark.parametrize("name", list(HIGH))
def test_card_bar_and_caption_name_the_side(name):
    card = CARDS[name]
    assert card.ends[1] == HIGH[name]
    one_sided = card.display != "signed"
    says_for = "evidence for the target" in card.shows or "raises the target" in card.shows
    assert says_for == (HIGH[name] == FOR)
    assert ("evidence against the target" in card.shows) == (HIGH[name] == AGAINST) or (
        not one_sided or name == "deep-taylor"
    )
    if one_sided and HIGH[name] != FOR:
        assert "support the target" not in card.meaning
    page = sheet([made(np.eye(4), method=name, display=card.display)])
    assert f"{HIGH[name]} 1" in texts(page)
    assert f"shown: {card.shows}" in " ".join(" ".join(texts(page)).split())


def test_the_command_line_says_what_the_card_says():
    from click.testing import CliRunner

    from onnxplain.cli import main

    shown = CliRunner().invoke(main, ["methods", "counterfactual-grad-cam"]).stdout
    line = next(t for t in shown.splitlines() if t.startswith("pictures show"))
    assert "against the target" in line
    assert "for the target" not in line


@pytest.mark.parametrize("name", ["counterfactual-grad-cam", "gradient", "grad-cam"])
def test_compared_files_say_what_the_ends_of_their_colours_are(name):
    maps = {name: {"a.onnx": np.eye(3), "b.onnx": np.eye(3)}}
    photo = ComparedPhoto(
        "p.png", np.zeros((4, 4, 3), np.uint8), dict.fromkeys(maps[name], ""), maps
    )
    said = [t.get_text() for t in comparison_figure([photo]).texts]
    assert f"{HIGH[name]}: each map's largest" in said
    assert name in said
