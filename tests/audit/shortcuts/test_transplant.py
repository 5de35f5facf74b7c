"""A place that decides on its own raises its class everywhere; a part of an object does not.

The networks are a few weights, so that what a place is worth can be computed by hand.
"""

import numpy as np
import pytest
from audit.made_results import filled, picture, spot
from handmade import model as network
from PIL import Image

import onnxplain
from onnxplain.audit.shortcuts.places import WINDOW, Place, find_places
from onnxplain.audit.shortcuts.transplant import Transplant, mark, mean_rise, transplants
from onnxplain.audit.summary import summarise_classes
from onnxplain.inputs.dataset import Sample
from onnxplain.inputs.preprocess import Preprocess

SIDE = 8
CORNER = (0.0, 0.0, 0.25, 0.25)
LAYOUTS = {"NCHW": f"float[N,1,{SIDE},{SIDE}] x", "NHWC": f"float[N,{SIDE},{SIDE},1] x"}


def opened(path, weights, layout="NCHW"):
    """Softmax of one weighted sum of the picture against 0."""
    w = np.stack([np.zeros(SIDE * SIDE), weights.ravel()], axis=1)
    proto = network(
        "f = Flatten(x) y = MatMul(f, w) scores = Softmax<axis = 1>(y)",
        {"w": w},
        image=LAYOUTS[layout],
        output="float[N,2] scores",
    )
    return saved(path, proto, layout)


def saved(path, proto, layout="NCHW"):
    """A network of grey pictures, opened from a file."""
    path.write_bytes(proto.SerializeToString())
    recipe = Preprocess(
        name="gray", layout=layout, size=(SIDE, SIDE), color="gray", scale=1 / 255, mean=(0.0,),
        std=(1.0,),
    )  # fmt: skip
    return onnxplain.load(path, preprocess=recipe, layout=layout, batch_size=4)


def sees(rows, columns, weight):
    weights = np.zeros((SIDE, SIDE))
    weights[rows, columns] = weight
    return weights


def drawn(folder, count, *, bright):
    """Dark noise; the top left quarter of each side is bright if wanted."""
    folder.mkdir(exist_ok=True)
    rng = np.random.default_rng(count)
    samples = []
    for k in range(count):
        pixels = rng.integers(0, 30, (SIDE, SIDE)).astype(np.uint8)
        if bright:
            pixels[:2, :2] = 255
        name = f"{bright}-{k}.png"
        Image.fromarray(pixels).save(folder / name)
        samples.append(Sample(name, folder / name))
    return samples


def by_hand(model, donors, hosts):
    """The definition, one pixel block at a time."""

    def probability(pixels):
        x = pixels / np.float32(255)
        shape = (1, 1, SIDE, SIDE) if model.preprocess.layout == "NCHW" else (1, SIDE, SIDE, 1)
        return model.predict(x.astype(np.float32).reshape(shape)).probabilities[1]

    def corner_of(host, donor):
        changed = np.array(Image.open(host.path))
        changed[:2, :2] = np.array(Image.open(donor.path))[:2, :2]
        return probability(changed)

    rises = []
    for k, host in enumerate(hosts):
        other = hosts[(k + len(hosts) // 2) % len(hosts)]
        rises.append(corner_of(host, donors[k % len(donors)]) - corner_of(host, other))
    return np.mean(rises)


@pytest.mark.parametrize("layout", ["NCHW", "NHWC"])
def test_the_rise_is_that_of_its_definition(tmp_path, layout):
    weights = sees(slice(0, 2), slice(0, 2), 1.0) + sees(slice(5, 7), slice(3, 6), -0.3)
    model = opened(tmp_path / "model.onnx", weights, layout)
    donors, hosts = drawn(tmp_path, 3, bright=True), drawn(tmp_path, 7, bright=False)
    found = mean_rise(model, 1, CORNER, donors, hosts)
    assert found == pytest.approx(by_hand(model, donors, hosts), abs=1e-6)
    assert found > 0.4
    assert mean_rise(model, 0, CORNER, donors, hosts) == pytest.approx(-found, abs=1e-6)


def test_a_place_that_the_model_does_not_look_at_does_nothing(tmp_path):
    model = opened(tmp_path / "model.onnx", sees(slice(5, 7), slice(3, 6), 5.0))
    donors, hosts = drawn(tmp_path, 3, bright=True), drawn(tmp_path, 7, bright=False)
    assert mean_rise(model, 1, CORNER, donors, hosts) == 0.0


def test_what_any_strange_content_does_is_not_counted(tmp_path):
    """The model calls everything class 1 that is bright there, and so are the other hosts."""
    model = opened(tmp_path / "model.onnx", sees(slice(0, 2), slice(0, 2), 5.0))
    bright = drawn(tmp_path, 6, bright=True)
    assert mean_rise(model, 1, CORNER, bright[:2], bright[2:]) == 0.0


def test_pictures_that_went_are_left_out(tmp_path):
    model = opened(tmp_path / "model.onnx", sees(slice(0, 2), slice(0, 2), 1.0))
    donors, hosts = drawn(tmp_path, 2, bright=True), drawn(tmp_path, 6, bright=False)
    whole = mean_rise(model, 1, CORNER, donors, hosts)
    hosts[0].path.unlink()
    left = mean_rise(model, 1, CORNER, donors, hosts)
    assert left == pytest.approx(whole, abs=0.05)
    donors[0].path.unlink()
    donors[1].path.write_text("?")
    assert mean_rise(model, 1, CORNER, donors, hosts) is None


def corner_maps(folder):
    """Six pictures of class 1 with evidence in the corner, seven of class 0 in the middle."""
    samples = drawn(folder, 6, bright=True) + drawn(folder, 7, bright=False)
    entries = [picture(1, spot(0, 0, 6)) for _ in range(6)]
    return samples, entries + [picture(0, spot(12, 12, 6)) for _ in range(7)]


def test_places_are_tried_on_pictures_of_other_classes(tmp_path):
    model = opened(tmp_path / "model.onnx", sees(slice(0, 2), slice(0, 2), 3.0))
    samples, entries = corner_maps(tmp_path)
    with filled(tmp_path, entries) as store:
        (found,) = [t for t in transplants(store, model, samples) if t.decides]
    assert (found.place.index, found.place.where) == (1, "top left corner")
    assert found.donors == list(range(6))
    assert found.hosts == list(range(6, 13))
    assert found.same == 1.0
    assert found.rise == mean_rise(model, 1, CORNER, samples[:6], samples[6:])
    assert (found.same, found.way, found.steady) == mark(model, 1, CORNER, samples[:6], samples[6:])
    assert found.way == pytest.approx(1.0, abs=0.05)  # the model sees nothing else
    assert found.decides
    assert not found.by_content


def test_a_mark_without_evidence_is_found_by_its_content(tmp_path):
    """Half of the class has it, and most maps show the middle: no place of theirs stands out."""
    model = opened(tmp_path / "model.onnx", sees(slice(0, 2), slice(0, 2), 3.0))
    samples = drawn(tmp_path, 6, bright=True) + drawn(tmp_path, 7, bright=False)
    samples += drawn(tmp_path / "more", 5, bright=False)
    entries = [picture(1, spot(0, 0, 7))] * 2 + [picture(1, spot(12, 12, 6))] * 4
    entries += [picture(0, spot(12, 12, 6))] * 7 + [picture(1, spot(12, 12, 6))] * 5
    with filled(tmp_path, entries) as store:
        (found,) = [t for t in transplants(store, model, samples) if t.decides]
        classes = summarise_classes(store)
        assert find_places(store, classes) == []
    assert (found.by_content, found.place.index) == (True, 1)
    assert found.donors == list(range(6))
    assert found.place.recurs == 6 / 11
    left, top, right, bottom = found.place.box
    assert left <= 0.125 <= right
    assert top <= 0.125 <= bottom
    (mean,) = [c.mean_map for c in classes if c.index == 1]
    row, column = found.place.row, found.place.column
    held = mean[row : row + WINDOW, column : column + WINDOW].sum()
    assert found.place.lift == pytest.approx(16 * held)


def test_that_a_mark_is_missing_is_no_mark(tmp_path):
    """Class 0 is dark where class 1 is bright; its maps show nothing there."""
    model = opened(tmp_path / "model.onnx", sees(slice(0, 2), slice(0, 2), 3.0))
    samples, entries = corner_maps(tmp_path)
    with filled(tmp_path, entries) as store:
        assert {t.place.index for t in transplants(store, model, samples) if t.decides} == {1}


@pytest.mark.parametrize(
    ("same", "way", "steady", "rise", "decides"),
    [(1.0, 0.5, 3.0, 0.0, True), (1.0, 0.5, 1.0, 0.9, False), (1.0, 0.05, 9.0, 0.9, False),
     (0.3, 0.5, 2.0, 0.0, True), (0.2, 0.5, 2.5, 0.3, False), (0.5, 0.31, 1.84, 0.31, False),
     (None, None, None, None, True), (1.0, None, None, 0.5, False)],
)  # fmt: skip
def test_what_decides_is_large_and_moves_far_and_alike(same, way, steady, rise, decides):
    place = Place(0, "m", 0, 0, 2.0, 1.0, [0])
    assert Transplant(place, [0], [1], same, rise, way, steady).decides == decides


def test_an_object_that_looks_different_each_time_is_not_tried(tmp_path):
    model = opened(tmp_path / "model.onnx", sees(slice(0, 2), slice(0, 2), 3.0))
    samples, entries = corner_maps(tmp_path)
    rng = np.random.default_rng(3)
    for sample in samples[:6]:
        pixels = np.array(Image.open(sample.path))
        pixels[:2, :2] = rng.integers(60, 255, (2, 2))
        Image.fromarray(pixels).save(sample.path)
    assert mean_rise(model, 1, CORNER, samples[:6], samples[6:]) > 0.3
    with filled(tmp_path, entries) as store:
        assert not any(t.place.index == 1 for t in transplants(store, model, samples))


def test_without_pictures_of_other_classes_nothing_can_be_tried(tmp_path):
    """Those that the model takes for the class, or that are of it, are no hosts."""
    model = opened(tmp_path / "model.onnx", sees(slice(0, 2), slice(0, 2), 3.0))
    samples, entries = corner_maps(tmp_path)
    taken = [(value | {"predicted": 1}, maps) for value, maps in entries]
    with filled(tmp_path, taken) as store:
        assert not any(t.place.index == 1 for t in transplants(store, model, samples))


def test_it_survives_the_store(tmp_path):
    from dataclasses import asdict

    model = opened(tmp_path / "model.onnx", sees(slice(0, 2), slice(0, 2), 3.0))
    samples, entries = corner_maps(tmp_path)
    with filled(tmp_path, entries) as store:
        found, *_ = transplants(store, model, samples)
    assert Transplant.from_dict(asdict(found)) == found
