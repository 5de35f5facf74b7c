"""Annotated boxes at the command line: said, counted, and refused where they do not fit."""

import json

import pytest
from annotated_scenes import FOLDER, TRUTH, coco, voc, yolo

DETECTOR = "models/scenes-detector.onnx"
QUICK = ("-m", "gradient", "--metrics", "energy-in-mask")


@pytest.fixture
def evaluate(run, tmp_path):
    def call(*arguments, model=DETECTOR, data=FOLDER):
        return run("evaluate", model, data, "-o", tmp_path / "out", *arguments)

    call.folder = tmp_path / "out"
    return call


def test_table_files_and_json(evaluate, tmp_path):
    pytest.importorskip("pycocotools")
    boxes = voc(tmp_path / "v", difficult={("scene-1000000.png", 0)})
    (boxes / "scene-1000005.xml").write_text("<annotation")
    found = evaluate("--boxes", boxes, *QUICK)
    assert found.exit_code == 0, found.stderr
    assert "5 annotated pictures (Pascal VOC)" in found.stdout
    assert "mAP50 " in found.stdout
    assert "1 objects marked difficult count neither as found nor as missed" in found.stdout
    assert "scene-1000005.xml': it is not XML" in found.stderr
    assert "energy-in-mask: " in found.stdout
    assert (evaluate.folder / "boxes.csv").read_text().startswith("class,index,objects,hits")
    record = json.loads((evaluate.folder / "evaluation.json").read_text())
    rows = {row["class"]: row for row in record["boxes"]["classes"]}
    # The broken file's two triangles are not counted, the difficult square is not either.
    assert {name: row["objects"] for name, row in rows.items()} == {
        "circle": 1, "square": 2, "triangle": 5, "star": 1, "cross": 2,
    }  # fmt: skip
    assert record["boxes"]["left_out"]


def test_formats_give_the_same_numbers(evaluate, tmp_path):
    written = {"COCO": coco(tmp_path / "c.json"), "YOLO": yolo(tmp_path / "y")}
    tables = {}
    for name, path in written.items():
        found = evaluate("--boxes", path, *QUICK, "--limit", 3)
        assert found.exit_code == 0, found.stderr
        assert f"3 annotated pictures ({name})" in found.stdout
        tables[name] = (evaluate.folder / "boxes.csv").read_text()
    assert tables["COCO"] == tables["YOLO"]


def test_nothing_to_explain_is_no_failure(evaluate, tmp_path):
    empty = coco(tmp_path / "c.json", {name: [] for name in TRUTH})
    found = evaluate("--boxes", empty, *QUICK)
    assert found.exit_code == 0, found.stderr
    assert "6 annotated pictures, 6 of them without objects" in found.stdout


@pytest.mark.parametrize(
    ("model", "data", "more", "said"),
    [
        ("models/digits-gap.onnx", FOLDER, (), "annotated boxes are for detectors"),
        (DETECTOR, FOLDER, ("--masks", "examples"), "give only one of them"),
        (DETECTOR, "flowers", (), "leave out --boxes"),
        (DETECTOR, FOLDER, ("-t", "star@3,4"), "name a class alone"),
        (DETECTOR, "examples/digits", (), "belongs to one of the"),
    ],
)
def test_what_is_refused(evaluate, model, data, more, said):
    found = evaluate("--boxes", FOLDER / "boxes.json", *QUICK, *more, model=model, data=data)
    assert found.exit_code == 2
    assert said in found.stderr
    assert found.stderr.count("\n") == 1


def test_an_audit_and_its_verification(run, tmp_path):
    config = tmp_path / "a.toml"
    config.write_text(
        'methods = ["gradient"]\nmeasures = ["energy-in-mask"]\nsanity_pictures = 0\n'
    )
    boxes = coco(tmp_path / "c.json")
    out = tmp_path / "out"
    found = run(
        "audit", DETECTOR, FOLDER, "--boxes", boxes, "--config", config, "--limit", 2, "-o", out
    )
    assert found.exit_code == 0, found.stderr
    assert "2 annotated pictures (COCO)" in found.stdout
    record = out / "record.json"
    told = ("--model", DETECTOR, "--data", FOLDER)
    again = run("verify", record, *told, "--boxes", boxes)
    assert again.exit_code == 0, again.stdout
    assert "hits, misses and false positives" in again.stdout
    # Of other annotations it does not.
    changed = {name: objects[1:] for name, objects in TRUTH.items()}
    again = run("verify", record, *told, "--boxes", coco(tmp_path / "d.json", changed))
    assert again.exit_code == 1
    boxes.unlink()
    again = run("verify", record, *told, "--boxes", boxes)
    assert again.exit_code == 2
    assert "no annotations at" in again.stderr
    again = run("verify", record, *told)
    assert again.exit_code == 2
    assert "not followed; give it with --boxes" in again.stderr
