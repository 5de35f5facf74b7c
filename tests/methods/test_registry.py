"""Methods by name, and what their cards say of them."""

import json
import subprocess
import sys
from typing import get_args

import pytest

from onnxplain.adapters.base import Capability
from onnxplain.errors import UnknownNameError
from onnxplain.methods import find
from onnxplain.methods.registry import (
    _ALSO_CALLED,
    _MODULES,
    Family,
    _letters,
    known,
    method,
    registered,
)


@pytest.mark.parametrize(
    ("written", "name"),
    [
        *((w, "grad-cam") for w in ("grad-cam", "Grad_CAM", " GRAD-CAM ", "GradCAM", "gradcam")),
        *((w, "grad-cam++") for w in ("GradCAM++", "gradcam_plus_plus", "Grad-CAM++")),
        ("Integrated Gradients", "integrated-gradients"),
        ("IG", "integrated-gradients"),
        ("InputXGradient", "gradient-x-input"),
        ("GuidedBackprop", "guided-backprop"),
        ("KernelShap", "kernel-shap"),
    ],
)
def test_names_in_every_way_of_writing(written, name):
    assert find(written).name == name


def test_no_two_names_are_alike():
    letters = [_letters(name) for name in registered()]
    assert len(set(letters)) == len(letters)
    assert not set(letters) & set(_ALSO_CALLED)
    assert set(_ALSO_CALLED.values()) <= set(registered())


def test_an_unknown_name_is_met_with_the_nearest():
    with pytest.raises(UnknownNameError, match="method 'grad-cm'; nearest: 'grad-cam'"):
        find("grad-cm")


def test_a_name_is_given_once():
    find("gradient")
    card = {"name": "gradient", "display": "signed"}
    with pytest.raises(ValueError, match="'gradient' is registered already"):
        method(**card)(lambda: None)


def test_methods_come_family_by_family():
    find("gradient")
    families = [get_args(Family).index(m.family) for m in registered().values()]
    assert families == sorted(families)
    assert all(name == m.name for name, m in registered().items())


def test_a_card_knows_its_parameters_and_its_engine():
    integrated, cam = find("integrated-gradients"), find("cam")
    assert {k: p.default for k, p in integrated.parameters.items()}["steps"] == 50
    assert not integrated.takes_layer
    assert integrated.takes_slopes
    assert integrated.runs_on == "ONNX Runtime or PyTorch"
    assert cam.runs_on == "ONNX Runtime"
    assert not cam.takes_slopes
    assert find("grad-cam").takes_layer
    assert integrated.capabilities({}) == Capability.GRADIENTS


def test_words_of_the_display_stand_where_the_card_has_none():
    assert find("gradient-x-input").ends == ("against", "for")
    assert find("gradient").ends == ("lowers", "raises")
    assert "how strong" in find("saliency").shows


def test_modules_register_what_the_table_says():
    own = {n: m for n, m in registered().items() if m.function.__module__ in _MODULES.values()}
    assert {name: m.function.__module__ for name, m in own.items()} == _MODULES
    assert known("grad_cam") is None


def test_one_method_is_found_without_the_others_and_the_list_stays_as_it_is():
    code = """
import json, sys
from onnxplain.methods import find, registered
find("LRP")
loaded = [m for m in ("lrp", "rise", "cam") if "onnxplain.methods." + m in sys.modules]
print(json.dumps([loaded, list(registered())]))
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    loaded, names = json.loads(done.stdout)
    assert loaded == ["lrp"]
    assert names == [n for n in registered() if n in _MODULES]
