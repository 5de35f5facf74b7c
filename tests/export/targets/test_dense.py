"""Dense answers: where the class is predicted, everywhere, at one place, in a mask."""

import numpy as np
import pytest

from onnxplain.targets.request import TargetRequest
from tests.export.agreement import assert_same, made
from tests.forms_of_answers import MAPS, model

X = np.random.default_rng(5).random((1, 3, 6, 6)).astype(np.float32)
# Body, declared output, activation of 5 or 1 classes on 6 x 6 places.
FORMS = {
    "softmax": ("m = MatMul(h, m5) out = Softmax<axis=3>(m)", "double[N,6,6,5] out"),
    "channels-first": (
        "m = MatMul(h, m5) t = Transpose<perm=[0,3,1,2]>(m) out = Softmax<axis=1>(t)",
        "double[N,5,6,6] out",
    ),
    "two-classes": ("m = MatMul(h, m2) out = Softmax<axis=3>(m)", "double[N,6,6,2] out"),
    "sequence": (
        "m = MatMul(h, m5) r = ReduceMean<axes=[1],keepdims=0>(m) out = Softmax<axis=2>(r)",
        "double[N,6,5] out",
    ),
    "time-first": (
        "m = MatMul(h, m5) r = ReduceMean<axes=[1],keepdims=0>(m) "
        "t = Transpose<perm=[1,0,2]>(r) out = Softmax<axis=2>(t)",
        "double[6,N,5] out",
    ),
}


def file_of(name, folder, methods="gradient", **options):
    body, output = FORMS[name]
    return made(model(f"{MAPS} {body}", [output]), folder, methods, **options)


@pytest.mark.parametrize("name", FORMS)
def test_every_region_is_that_of_explain(name, tmp_path):
    file = file_of(name, tmp_path, "gradient,integrated-gradients")
    places = file.model.task.places
    one = tuple(n // 2 for n in places)
    point, mask = np.zeros((1, *places), bool), np.zeros((1, *places), bool)
    point[(0, *one)] = True
    mask[0, 1:3] = True
    np.save(tmp_path / "mask.npy", mask[0])
    everywhere = np.ones((1,) * len(mask.shape), bool)
    cases = [
        ({}, None, {}),
        ({"contrast": [-2]}, None, {"margin": True}),
        ({"target": [1], "region": everywhere}, "1@everywhere", {}),
        ({"target": [0], "region": mask}, f"0@{tmp_path / 'mask.npy'}", {}),
        ({"target": [1], "contrast": [0], "region": point},
         TargetRequest(index=1, position=one), {"contrast": 0}),
    ]  # fmt: skip
    for feeds, target, options in cases:
        for method, values in file.maps(X, **feeds).items():
            assert_same(values[0], file.explained(X, target, method, **options))


def test_a_class_that_is_nowhere_gives_a_map_of_no_numbers(tmp_path):
    file = file_of("softmax", tmp_path)
    said = file.model.predict(X).scores
    missing = int(said.argmin())
    assert said[missing] == 0
    assert np.isnan(file.maps(X, target=[missing])["gradient"]).all()


@pytest.mark.parametrize("target", ["1@everywhere", "1@2,3", "1@mask.npy"])
def test_the_default_may_name_places(tmp_path, monkeypatch, target):
    monkeypatch.chdir(tmp_path)
    mask = np.zeros((6, 6), bool)
    mask[4] = True
    np.save("mask.npy", mask)
    file = file_of("softmax", tmp_path, target=target)
    assert_same(file.maps(X)["gradient"][0], file.explained(X, target, "gradient"))


def test_a_dense_value_is_its_mean(tmp_path):
    proto = model(f"{MAPS} out = MatMul(h, m1)", ["double[N,6,6,1] out"])
    file = made(proto, tmp_path, loading={"task": "values"})
    assert_same(file.maps(X)["gradient"][0], file.explained(X, None, "gradient"))
    point = np.zeros((1, 6, 6), bool)
    point[0, 2, 4] = True
    assert_same(file.maps(X, region=point)["gradient"][0], file.explained(X, "0@2,4", "gradient"))
