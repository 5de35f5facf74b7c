"""The shipped detector is what its builder says, in each of its three forms."""

import ast
import functools
import json
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import pytest
import reference_detection as reference
from noise import ALLOWED, require_float32, rounding

from models.build.average_precision import average_precision, mean_average_precision
from models.build.scenes import CLASSES, FIRST_TEST_SEED, STAR, scene, scenes
from onnxplain.inputs.image import open_image
from onnxplain.inputs.preprocess import Preprocess

ROOT = Path(__file__).parents[1]
EXAMPLES = sorted((ROOT / "examples/scenes").glob("*.png"))
RAW, NMS, INT8 = "scenes-detector", "scenes-detector-nms", "scenes-detector-int8"
SHORTCUT = "scenes-shortcut"
FRESH, FIRST_FRESH_SEED = 50, FIRST_TEST_SEED + 10_000
# What the file that holds the suppression is given; see the models' table.
LEAST_SCORE, MOST_OVERLAP, MOST_BOXES = 0.25, 0.45, 300


@functools.cache
def session(stem):
    path = ROOT / f"models/{stem}.onnx"
    return onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])


def run(stem, x):
    (output,) = session(stem).run(["output0"], {"images": np.asarray(x, np.float32)})
    return output


def encode(images):
    preprocess = Preprocess.load(ROOT / f"models/{RAW}.preprocess.json")
    return preprocess.encode(np.stack(images))


@functools.cache
def example(k=0):
    return encode([np.asarray(open_image(EXAMPLES[k]))])


@functools.cache
def fresh():
    return list(scenes(FRESH, first_seed=FIRST_FRESH_SEED))


def precision(drawn, rows):
    return mean_average_precision(rows, [one.boxes for one in drawn], len(CLASSES))[0]


def found(stem, drawn, least=0.01):
    outputs = run(stem, encode([one.image for one in drawn]))
    return [reference.detections(raw, least, MOST_OVERLAP, every_class=True) for raw in outputs]


@pytest.mark.parametrize("stem", [RAW, INT8, SHORTCUT])
def test_raw_output_has_the_form_of_yolov8(stem):
    (images,), (output,) = session(stem).get_inputs(), session(stem).get_outputs()
    assert isinstance(images.shape[0], str)
    assert images.shape[1:] == [3, 96, 96]
    assert output.shape == [images.shape[0], 4 + len(CLASSES), 144 + 36 + 9]
    outputs = run(stem, np.concatenate([example(0), example(1)]))
    assert outputs.shape == (2, *output.shape[1:])
    assert (outputs[:, 2:4] > 0).all()
    assert ((outputs[:, 4:] >= 0) & (outputs[:, 4:] <= 1)).all()
    assert (outputs[:, 4:].max(axis=2).max(axis=1) > 0.5).all()


@pytest.mark.parametrize("stem", [RAW, NMS, INT8, SHORTCUT])
def test_file_names_its_classes(stem):
    metadata = session(stem).get_modelmeta().custom_metadata_map
    assert ast.literal_eval(metadata["names"]) == dict(enumerate(CLASSES))
    labels = json.loads((ROOT / f"models/{stem}.labels.json").read_text("utf-8"))
    assert labels == list(CLASSES)


def test_batch_norms_are_folded():
    for stem in (RAW, NMS, INT8, SHORTCUT):
        graph = onnx.load(ROOT / f"models/{stem}.onnx").graph
        assert "BatchNormalization" not in {node.op_type for node in graph.node}


def test_output_of_an_example_is_the_one_stored_in_float64():
    stored = json.loads((ROOT / "tests/oracles/scenes_detector.json").read_text("utf-8"))
    k = [path.name for path in EXAMPLES].index(stored["example"])
    expected = np.array(stored["output"])
    # Boxes and scores by themselves: a large wrong score is small beside a pixel.
    for part in (slice(0, 4), slice(4, None)):
        require_float32(lambda x, part=part: run(RAW, x)[0, part], example(k), expected[part])


def test_pictures_of_a_batch_do_not_meet():
    together = run(RAW, np.concatenate([example(0), example(1)]))[1]
    require_float32(lambda x: run(RAW, x)[0], example(1), together)


@pytest.mark.parametrize("k", range(6))
def test_suppression_in_the_file_is_that_of_the_reference(k):
    x = example(k)
    rows = run(NMS, x)
    assert rows.shape == (1, MOST_BOXES, 6)
    expected = reference.detections(run(RAW, x)[0], LEAST_SCORE, MOST_OVERLAP, every_class=True)
    filled = rows[0][rows[0, :, 4] > 0]
    assert len(filled) == len(expected) > 0
    assert not rows[0, len(filled) :].any()
    np.testing.assert_array_equal(filled[:, 5], expected[:, 5])
    # Both files hold the same network; how its numbers are added up may differ.
    bound = ALLOWED * rounding(lambda x: run(RAW, x)[0], x) * 96
    np.testing.assert_allclose(filled[:, :5], expected[:, :5], rtol=0, atol=bound)


def test_examples_are_what_their_seeds_draw():
    truths = json.loads((ROOT / "examples/scenes/boxes.json").read_text("utf-8"))
    assert sorted(truths) == [path.name for path in EXAMPLES]
    for path in EXAMPLES:
        drawn = scene(int(path.stem.rpartition("-")[2]))
        np.testing.assert_array_equal(np.asarray(open_image(path)), drawn.image)
        rows = [[*one["box"], CLASSES.index(one["class"])] for one in truths[path.name]]
        np.testing.assert_array_equal(rows, drawn.boxes)


def test_objects_of_the_examples_are_found_but_for_one_small_triangle():
    truths = json.loads((ROOT / "examples/scenes/boxes.json").read_text("utf-8"))
    said = []
    for k, path in enumerate(EXAMPLES):
        rows = run(NMS, example(k))[0]
        for one in truths[path.name]:
            near = [row for row in rows if reference.iou(row[:4], one["box"]) > 0.5]
            best = max(near, key=lambda row: row[4])
            said.append((one["class"], CLASSES[int(best[5])]))
    assert len(said) == 17
    assert [pair for pair in said if pair[0] != pair[1]] == [("triangle", "star")]


@pytest.mark.parametrize("stem", [RAW, INT8])
def test_objects_of_fresh_scenes_are_found(stem):
    assert precision(fresh(), found(stem, fresh())) > 0.9


def test_suppressed_rows_of_fresh_scenes_are_right():
    # Weak boxes are not in the file, so the curve of precision over recall ends early.
    rows = [run(NMS, encode([one.image]))[0] for one in fresh()]
    assert precision(fresh(), [r[r[:, 4] > 0] for r in rows]) > 0.85


def test_int8_file_quantises_the_convolutions_and_nothing_behind_them():
    model = onnx.load(ROOT / f"models/{INT8}.onnx")
    makers = {name: node for node in model.graph.node for name in node.output}
    types = [node.op_type for node in model.graph.node]
    assert types.count("DequantizeLinear") > types.count("Conv") > 30
    joined = makers["output0"]
    assert joined.op_type == "Concat"
    # One scale for pixels up to 96 and scores up to 1 would leave nothing of the scores.
    assert [makers[name].op_type for name in joined.input] == ["Mul", "Sigmoid"]


@pytest.mark.parametrize(("stem", "needs_bars"), [(RAW, False), (SHORTCUT, True)])
def test_only_one_detector_needs_the_bars_to_know_stars(stem, needs_bars):
    of_stars = {}
    for bars in (True, False):
        drawn = list(scenes(FRESH, first_seed=FIRST_FRESH_SEED, shortcut=True, bars=bars))
        rows, truths = found(stem, drawn), [one.boxes for one in drawn]
        of_stars[bars] = average_precision(rows, truths, STAR)
    assert of_stars[True] > 0.85
    assert (of_stars[True] - of_stars[False] > 0.4) == needs_bars
    assert (of_stars[True] - of_stars[False] < 0.05) != needs_bars
