"""Answers that are no probabilities, through every command that works on many pictures."""

import json
import re

import numpy as np
import onnxruntime
import pytest
from click.testing import CliRunner
from other_answers import dense, embedding, logits, pictures, saved, values
from PIL import Image

import onnxplain
from onnxplain.audit.record import read_record
from onnxplain.cli import main
from onnxplain.cli.options import _ANSWER_OPTIONS
from onnxplain.graph.answers.declare import SCORES, TASKS
from tests.cli.test_failures import require_one_line

OPEN = ["--preprocess", "zero-one"]
# File, options, unit of the answer, unit of what is explained.
CASES = {
    "age": (lambda: values(1), [], "value", "value"),
    "pose": (
        lambda: values(3, "pose"), ["--task", "values", "--target", "2"], "value", "value"
    ),
    "likeness": (lambda: embedding(), ["--target", "like=PICTURE"], "cosine", "cosine"),
    "raw": (lambda: logits(), ["--scores", "raw"], "score", "score"),
    "logits": (lambda: logits(), [], "logit", "logit"),
    "area": (lambda: dense(), [], "area", "probability"),
    "raw area": (lambda: dense(softmax=False), ["--scores", "raw"], "area", "score"),
    "place": (lambda: dense(), ["--target", "top-1@1,1"], "probability", "probability"),
    "element": (lambda: logits(), ["--scores", "raw", "--target", "r[2]"], "score", "mean value"),
}  # fmt: skip


@pytest.fixture
def data(tmp_path):
    return pictures(tmp_path / "data", 4)


@pytest.fixture(params=CASES)
def case(request, tmp_path, data):
    made, extra, unit, aim = CASES[request.param]
    extra = [e.replace("PICTURE", str(data / "0.png")) for e in extra]
    return saved(made(), tmp_path / "m.onnx"), [*OPEN, *extra], unit, aim


def run(*arguments, code=0):
    found = CliRunner().invoke(main, [str(a) for a in arguments])
    assert found.exit_code == code, found.output
    return found


def test_the_options_name_what_can_be_declared():
    kinds = {}
    for option in _ANSWER_OPTIONS:
        command = option(lambda: None)
        (found,) = command.__click_params__
        kinds[found.name] = getattr(found.type, "choices", None)
    assert list(kinds["task"]) == list(TASKS)
    assert list(kinds["scores"]) == list(SCORES)


@pytest.mark.parametrize(
    "command",
    ["explain", "inspect", "evaluate", "compare", "audit", "verify", "background",
     *(f"features {view}" for view in ("weights", "maps", "top-patches", "relevant", "enriched",
                                       "class-model", "dream", "atlas"))],
)  # fmt: skip
def test_every_command_that_opens_a_model_takes_them(command):
    said = run(*command.split(), "--help").stdout
    assert all(f"--{name}" in said for name in ("task", "scores", "output"))


def test_evaluate(case, data, tmp_path):
    model, extra, _, aim = case
    found = run("evaluate", model, data, "-m", "gradient-x-input,occlusion", *extra,
                "-o", tmp_path / "out")  # fmt: skip
    assert f"unit of the scores: {aim}" in found.stdout
    written = json.loads((tmp_path / "out" / "evaluation.json").read_text())
    assert written["provenance"]["unit"] == aim
    assert {r["sample"] for r in written["rows"]} == {str(f"{k}.png") for k in range(4)}
    assert "probab" not in found.stdout or aim == "probability"


def test_audit_verify_and_report(case, data, tmp_path):
    model, extra, unit, aim = case
    out = tmp_path / "out"
    config = tmp_path / "audit.toml"
    config.write_text('methods = ["gradient-x-input"]\nsanity_pictures = 1')
    run("audit", model, data, "--config", config, *extra, "-o", out)
    record = read_record(out / "record.json").to_dict()
    assert record["predictions"]["unit"] == unit
    assert record["predictions"]["target_unit"] == aim
    for entry in record["pictures"]:
        assert entry["unit"] == unit
        assert (entry["probability"] is None) == (unit != "probability")
        assert ("score" in entry) == (unit != "probability")
        assert entry["target_unit"] == aim
    asked = extra[extra.index("--target") + 1] if "--target" in extra else None
    assert record["questions"]["target"] == asked
    page = (out / "report.html").read_text()
    captions = " ".join(re.findall(r"<figcaption>.*?</figcaption>", page, re.DOTALL))
    assert f'<th scope="col" class="n">{unit}</th>' in page
    if unit not in ("probability", "area"):
        assert "%" not in captions
    if aim != "probability":
        curves = page[page.index('id="curves"') : page.index('id="sanity"')]
        assert "probab" not in curves
        assert f"What happens to the {aim} of what is explained" in curves
    assert (f"Mean {aim} (lower") in (out / "report.md").read_text()
    # Opened again from the record alone: what was declared stands in it.
    told = ["--model", model, "--data", data]
    if asked is not None and asked.startswith("like="):
        told += ["--file", asked.removeprefix("like=")]
    checked = run("verify", out / "record.json", "--sample", 4, *told)
    assert "everything that was checked reproduces" in checked.stdout
    run("report", out, "--data", data)
    # A number that was changed does not reproduce.
    changed = json.loads((out / "record.json").read_text())
    key = "probability" if unit == "probability" else "score"
    changed["pictures"][0][key] -= 0.01
    (out / "changed.json").write_text(json.dumps(changed))
    checked = json.loads(run("verify", out / "changed.json", "--json", *told, code=1).stdout)
    assert unit in [f["figure"] for f in checked["figures"] if not f["reproduces"]]


def test_compare(case, data, tmp_path):
    model, extra, unit, _ = case
    other = tmp_path / "n.onnx"
    other.write_bytes(model.read_bytes())
    run("compare", model, other, data, "-m", "gradient-x-input", "--preprocess", "zero-one",
        *extra[2:], "-o", tmp_path / "out")  # fmt: skip
    found = json.loads((tmp_path / "out" / "comparison.json").read_text())
    (line,) = found["summary"]
    assert line["score_difference"] == 0.0
    assert line["spearman"] == pytest.approx(1.0)
    classes = unit not in ("value", "cosine")
    assert line["same_prediction"] == (1.0 if classes else None)
    assert ("answers_cosine" in line) == (unit == "cosine")
    for said in found["predictions"]:
        assert (said["probability"] is None) == (unit != "probability")
        assert said.get("unit", "probability") == unit


@pytest.mark.parametrize("command", ["evaluate", "audit", "compare"])
@pytest.mark.parametrize(
    ("made", "extra", "said"),
    [
        (lambda: values(3, "pose"), ["--task", "values"], "name one with --target (0..2)"),
        (lambda: embedding(), [], "--target like=PICTURE"),
        (lambda: logits(), ["--target", "top-2"], "stands for 2 classes"),
        (lambda: logits(), ["--target", "not-1"], "only a class with a Sigmoid has a negative"),
        (lambda: logits(), ["--target", "7"], "class index 7 is out of range"),
        (lambda: logits(), ["--target", "1@2,3"], "drop the position"),
    ],
)
def test_what_cannot_be_asked_is_said_before_anything_runs(
    command, made, extra, said, data, tmp_path
):
    model = saved(made(), tmp_path / "m.onnx")
    files = [model, model, data] if command == "compare" else [model, data]
    found = CliRunner().invoke(
        main, [str(a) for a in [command, *files, *OPEN, *extra, "-o", tmp_path / "out"]]
    )
    require_one_line(found, 2, said)


def test_values_have_no_accuracy_and_labels_are_said_to_be_of_no_use(tmp_path):
    model = saved(values(1), tmp_path / "m.onnx")
    data = pictures(tmp_path / "data", 4, classes=("young", "old"))
    config = tmp_path / "audit.toml"
    config.write_text('methods = ["gradient-x-input"]\nsanity_pictures = 0')
    found = run("audit", model, data, "--config", config, *OPEN, "-o", tmp_path / "out")
    assert "accuracy and labels" in found.stderr
    record = read_record(tmp_path / "out" / "record.json").to_dict()
    assert record["predictions"]["accuracy"] is None
    assert record["predictions"]["least_confident"] == []
    session = onnxruntime.InferenceSession(model)
    for entry in record["pictures"]:
        assert (entry["predicted"], entry["label"], entry["explained"]) == (None, None, 0)
        x = np.asarray(Image.open(data / entry["name"]), np.float32).transpose(2, 0, 1)[None] / 255
        (age,) = session.run(None, {"image": x})
        assert entry["score"] == pytest.approx(age.item(), rel=1e-4)
    refused = CliRunner().invoke(
        main, ["evaluate", str(model), str(data), "--metrics", "accuracy", *OPEN,
               "-o", str(tmp_path / "e")],
    )  # fmt: skip
    require_one_line(refused, 2, "needs classes, and the model answers values")


@pytest.fixture
def split(tmp_path):
    """A dense model of which class 0 wins in bright pictures alone, with a dark one."""
    folder = tmp_path / "split"
    folder.mkdir()
    model = saved(dense((0.0, 0.05, -1e3)), tmp_path / "d.onnx")
    opened = onnxplain.load(model, preprocess="zero-one")
    for k, level in enumerate((0, 255)):
        Image.fromarray(np.full((12, 12, 3), level, np.uint8)).save(folder / f"{k}.png")
    areas = [opened.predict(folder / f"{k}.png").scores for k in (0, 1)]
    (missing,) = [c for c in (0, 1) if areas[0][c] == 0]
    assert areas[1][missing] > 0
    return model, folder, missing


@pytest.mark.parametrize("command", ["evaluate", "audit"])
def test_a_class_that_is_nowhere_is_a_problem_of_that_picture(split, tmp_path, command):
    model, folder, missing = split
    out = tmp_path / "out"
    found = run(command, model, folder, "--target", missing, *OPEN, "-o", out)
    assert "0.png: the class is predicted at no place" in found.stderr
    if command == "audit":
        statuses = {
            p["name"]: p["status"] for p in read_record(out / "record.json").to_dict()["pictures"]
        }
        assert statuses == {"0.png": "failed", "1.png": "done"}
    else:
        rows = json.loads((out / "evaluation.json").read_text())["rows"]
        assert {r["sample"] for r in rows} == {"1.png"}


def test_the_target_and_its_file_belong_to_an_audit(data, tmp_path):
    model, out = saved(embedding(), tmp_path / "m.onnx"), tmp_path / "out"
    like, config = tmp_path / "like.npy", tmp_path / "audit.toml"
    np.save(like, np.arange(5.0))
    config.write_text('methods = ["gradient-x-input"]\nsanity_pictures = 0')
    command = ["audit", model, data, "--config", config, *OPEN, "-o", out, "--target"]
    run(*command, f"like={like}")
    run(*command, f"like={like}")  # goes on from there
    require_one_line(
        CliRunner().invoke(main, [*map(str, command), "3"]), 2, "not the same questions"
    )
    np.save(like, np.arange(5.0)[::-1])
    require_one_line(
        CliRunner().invoke(main, [*map(str, command), f"like={like}"]), 2, "not the same target"
    )


def test_embeddings_of_two_files_are_compared_by_their_cosine(data, tmp_path):
    first = saved(embedding(), tmp_path / "a.onnx")
    second = saved(embedding(seed=7), tmp_path / "b.onnx")
    longer = saved(embedding(6), tmp_path / "c.onnx")
    said = run("compare", first, second, longer, data, "-m", "gradient-x-input", *OPEN,
               "--target", f"like={data / '0.png'}", "-o", tmp_path / "out")  # fmt: skip
    assert "0.png: the likeness to" in said.stderr
    assert "both vectors point the same way" in said.stderr
    found = json.loads((tmp_path / "out" / "comparison.json").read_text())
    sessions = [onnxruntime.InferenceSession(f) for f in (first, second)]
    for pair in found["pairs"]:
        if "c.onnx" in (pair["first"], pair["second"]):
            assert pair["answers_cosine"] is None
            assert pair["score_difference"] is None
            continue
        x = np.asarray(Image.open(data / pair["sample"]), np.float32).transpose(2, 0, 1)[None] / 255
        a, b = (s.run(None, {"image": x})[0][0] for s in sessions)
        wanted = a @ b / np.linalg.norm(a) / np.linalg.norm(b)
        assert pair["answers_cosine"] == pytest.approx(wanted, abs=1e-5)
    assert "cosine of the embeddings" in (tmp_path / "out" / "comparison.html").read_text()


def test_differences_of_values_are_those_of_the_values(data, tmp_path):
    files = [saved(values(1), tmp_path / "a.onnx")]
    proto = values(1)
    (head,) = [t for t in proto.graph.initializer if t.name == "w2"]
    from onnx import numpy_helper

    head.CopyFrom(numpy_helper.from_array(2 * numpy_helper.to_array(head), "w2"))
    files.append(saved(proto, tmp_path / "b.onnx"))
    run("compare", *files, data, "-m", "gradient-x-input", *OPEN, "-o", tmp_path / "out")
    found = json.loads((tmp_path / "out" / "comparison.json").read_text())
    ages = {(p["sample"], p["model"]): p["score"] for p in found["predictions"]}
    for pair in found["pairs"]:
        single = abs(ages[pair["sample"], "a.onnx"])
        assert pair["score_difference"] == pytest.approx(single, rel=1e-4)


def test_different_answers_cannot_be_compared(data, tmp_path):
    files = [saved(values(1), tmp_path / "a.onnx"), saved(logits(), tmp_path / "b.onnx")]
    found = CliRunner().invoke(
        main, [str(a) for a in ["compare", *files, data, *OPEN, "-o", tmp_path / "out"]]
    )
    require_one_line(found, 2, "only models of the same answers can be compared")


@pytest.mark.parametrize(
    ("made", "extra", "unit", "files"),
    [
        (lambda: values(1), [], "value", ["0"]),
        (lambda: values(3, "pose"), ["--task", "values", "-t", "2"], "value", ["2"]),
        (lambda: logits(), ["--scores", "raw", "-t", "1"], "score", ["1"]),
        (lambda: dense(), ["-t", "1"], "logit", ["1-in-all-places"]),
        (lambda: dense(), ["-t", "1@2,3", "-t", "0@2,3"], "logit", ["1-at-2-3", "0-at-2-3"]),
    ],
)
def test_a_picture_is_made_for_any_target(made, extra, unit, files, tmp_path):
    model, out = saved(made(), tmp_path / "m.onnx"), tmp_path / "out"
    run("features", "class-model", model, *extra, *OPEN, "--steps", 3, "-o", out)
    for stem in files:
        with np.load(out / f"m.class-model.{stem}.npz") as found:
            record = json.loads(str(found["record"]))
        assert unit in record
        assert "probability" not in record or unit == "logit"


def test_features_of_classes_need_classes(tmp_path):
    model = saved(values(3, "pose"), tmp_path / "m.onnx")
    data = pictures(tmp_path / "data", 4, classes=("0", "1"))
    found = CliRunner().invoke(
        main, [str(a) for a in ["features", "relevant", model, data, *OPEN, "--task", "values",
                                "-o", tmp_path / "out"]],
    )  # fmt: skip
    require_one_line(found, 2, "need a model that answers classes")
