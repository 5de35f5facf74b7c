"""The verify command: a true record reproduces, a changed one does not."""

import json
import shutil

import pytest

DATA = "examples/digits"
TOLD = ("--model", "models/digits-gap.onnx", "--data", DATA)
SUSPECT = {
    "index": 3, "method": "lrp", "kind": "fixed place", "strength": 9.0, "where": "top edge",
    "recurs": 1.0, "count": 5, "examples": [0], "box": [0.0, 0.0, 0.25, 0.25],
    "transplant": {"same": 0.5, "rise": 0.9, "donors": [0], "hosts": [1]},
}  # fmt: skip
CLUSTERING = {"index": 3, "method": "lrp", "pictures": 0, "eigenvalues": [], "clusters": []}


@pytest.fixture(scope="module")
def record(tmp_path_factory):
    from click.testing import CliRunner

    from onnxplain.cli import main

    folder = tmp_path_factory.mktemp("audit")
    (folder / "audit.toml").write_text('methods = ["lrp"]\nmeasures = ["deletion"]\n'
                                       "sanity_pictures = 1\n")  # fmt: skip
    arguments = ["audit", "models/digits-gap.onnx", DATA, "-o", folder, "--limit", "4"]
    found = CliRunner().invoke(main, [*map(str, arguments), "--config", f"{folder}/audit.toml"])
    assert found.exit_code == 0, found.stderr
    return folder / "record.json"


def test_it_reproduces(run, record):
    found = run("verify", record, *TOLD, "--sample", 2)
    assert found.exit_code == 0, found.stdout + found.stderr
    assert "everything that was checked reproduces" in found.stdout
    for figure in (
        "model file",
        "picture files",
        "lrp: conservation",
        "sanity",
        "from the pictures",
    ):
        assert figure in found.stdout
    assert " NO" not in found.stdout


def change(record, path, edit):
    data = json.loads(record.read_text("utf-8"))
    edit(data)
    path.write_text(json.dumps(data))
    return path


def shift_conservation(data):
    data["pictures"][0]["methods"]["lrp"]["record"]["conservation"] += 0.02


def shift_summary(data):
    data["measures"][0]["mean"] += 1e-4


def another_class(data):
    data["pictures"][3]["predicted"] = (data["pictures"][3]["predicted"] + 1) % 10


def lift_a_curve(data):
    curves = data["pictures"][0]["methods"]["lrp"]["curves"]
    curves["deletion"] = [v + 0.006 for v in curves["deletion"]]


def lift_a_mean_curve(data):
    data["curves"][0]["mean"][7] += 1e-5


def add_a_suspect(data):
    data["suspects"].append(
        {"index": 0, "method": "lrp", "kind": "outside the mask", "strength": 2.0, "count": 9,
         "where": "off the object", "recurs": 1.0, "examples": [], "box": None, "transplant": None}
    )  # fmt: skip


def drop_a_failure(data):
    data["failures"].append({"number": 9, "name": "9.png", "problem": "made up"})


@pytest.mark.parametrize(
    ("edit", "figure"),
    [
        (shift_conservation, "lrp: conservation"),
        (shift_summary, "measures (from the pictures)"),
        (another_class, "predicted class"),
        (lift_a_curve, "lrp: curve of deletion"),
        (lift_a_mean_curve, "curves (from the pictures)"),
        (lambda d: d["suspects"].append(SUSPECT), "suspects by place (from mean maps)"),
        (lambda d: d["suspects"].append(SUSPECT), "suspects by place: tried again"),
        (add_a_suspect, "suspects outside the mask (from the pictures)"),
        (lambda d: d["classes"][0]["evidence"].update(centre=0.5), "classes (from the pictures)"),
        (lambda d: d["classes"][0].update(count=7), "classes (from the pictures)"),
        (lambda d: d["sanity"][0].update(verdict="passes"), "sanity (from the pictures)"),
        (lambda d: d["predictions"]["least_confident"].pop(), "predictions (from the pictures)"),
        (lambda d: d["methods"]["lrp"]["parameters"].update(epsilon=0.5), "methods"),
        (lambda d: d["left_out"].append("occlusion: no"), "methods"),
        (lambda d: d["data"].update(sha256="0" * 64), "data set"),
        (lambda d: d["data"].update(examined=3), "pictures examined (from the pictures)"),
        (drop_a_failure, "failures (from the pictures)"),
        (lambda d: d["model"].update(sha256="0" * 64), "model file"),
        (lambda d: d["preprocess"].update(mean=[0.5]), "preprocessing"),
        (lambda d: d["pictures"][0].update(file_sha256="0" * 64), "picture files"),
        (lambda d: d["pictures"][0].update(name="gone.png"), "pictures are there"),
        (lambda d: d["sanity_pictures"][0]["methods"]["lrp"].update(left=-0.9), "sanity"),
    ],
)
def test_what_was_changed_is_found(run, record, tmp_path, edit, figure):
    found = run("verify", change(record, tmp_path / "changed.json", edit), *TOLD, "--json")
    assert found.exit_code == 1
    said = json.loads(found.stdout)
    assert said["reproduces"] is False
    assert figure in {f["figure"] for f in said["figures"] if not f["reproduces"]}


def shift_a_mean_map(data):
    cells = data["classes"][0]["mean_map"]
    cells[0][0], cells[27][27] = cells[0][0] + 0.006, cells[27][27] - 0.006


@pytest.mark.parametrize(
    ("edit", "figure", "where"),
    [
        (shift_a_mean_map, "mean maps", "class 0 by lrp"),
        (lambda d: d["clusters"].append(CLUSTERING), "clusters", "which classes were clustered"),
    ],
)
def test_what_comes_from_maps_is_found_if_all_are_made_again(
    run, record, tmp_path, edit, figure, where
):
    changed = change(record, tmp_path / "changed.json", edit)
    found = run("verify", changed, *TOLD, "--sample", 3)
    assert found.exit_code == 0
    assert "not checked: mean maps, clusters, and where and how often places recur" in found.stdout
    found = run("verify", changed, *TOLD, "--sample", 4, "--json")
    assert found.exit_code == 1
    said = json.loads(found.stdout)
    assert said["not_checked"] == []
    (wrong,) = [f for f in said["figures"] if not f["reproduces"]]
    assert (wrong["figure"], wrong["worst"]) == (figure, where)


def test_what_was_not_checked_is_said(run, record, tmp_path):
    found = run("verify", record, *TOLD, "--sample", 1)
    assert "not checked: 3 of 4 pictures were not examined again" in found.stdout
    assert "--sample 4 recomputes them" in found.stdout
    found = run("verify", record, *TOLD)
    assert found.exit_code == 0
    assert "not checked" not in found.stdout
    stopped = change(record, tmp_path / "s.json", lambda d: d.update(complete=False))
    said = json.loads(run("verify", stopped, *TOLD, "--json").stdout)
    assert ["the audit was stopped" in text for text in said["not_checked"]] == [True]


def test_sanity_of_a_method_that_did_not_run_is_found(run, record, tmp_path):
    def make_up(data):
        checked = data["sanity_pictures"][0]["methods"]
        checked["made up"] = checked["lrp"]

    found = run("verify", change(record, tmp_path / "changed.json", make_up), *TOLD, "--sample", 1)
    assert found.exit_code == 1
    assert "such as left of made up on" in found.stdout


def as_format_1(data):
    data["format"] = 1
    del data["curves"]
    for picture in data["pictures"]:
        for result in picture["methods"].values():
            del result["curves"]


def test_a_record_without_curves_is_verified_for_the_rest(run, record, tmp_path):
    found = run("verify", change(record, tmp_path / "old.json", as_format_1), *TOLD)
    assert found.exit_code == 0, found.stdout + found.stderr
    assert "not checked: curves and what suspected places do: a record of format 1" in found.stdout
    assert "mean maps" in found.stdout
    assert "curve of" not in found.stdout


def test_entries_that_contradict_each_other_are_one_line(run, record, tmp_path):
    def contradict(data):
        data["pictures"][1]["mask_area"] = 0.5

    found = run(
        "verify", change(record, tmp_path / "changed.json", contradict), *TOLD, "--sample", 1
    )
    assert found.exit_code == 2
    (line,) = [n for n in found.stderr.splitlines() if "error" in n]
    assert "because their entries contradict each other: KeyError: 'mask'" in line


def test_in_words(run, record, tmp_path):
    found = run("verify", change(record, tmp_path / "changed.json", shift_conservation), *TOLD)
    assert found.exit_code == 1
    assert "NO: 1 of 4, such as conservation of" in found.stdout
    assert "the record does not reproduce" in found.stdout


def test_another_model_is_told(run, record):
    found = run("verify", record, *TOLD, "--model", "models/digits-softmax.onnx")
    assert found.exit_code == 2
    assert "unknown output 'logits'" in found.stderr


@pytest.mark.parametrize("lacks", ["--model", "--data"])
def test_paths_of_a_record_are_shown_and_not_followed(run, record, lacks):
    told = dict(zip(TOLD[::2], TOLD[1::2], strict=True))
    source = told.pop(lacks)
    found = run("verify", record, *next(iter(told.items())))
    assert found.exit_code == 2
    assert f"the record says {source!r}" in found.stderr
    assert f"is not followed; give it with {lacks}" in found.stderr


def test_what_lies_in_the_records_folder_is_found(run, record, tmp_path):
    shutil.copy("models/digits-gap.onnx", tmp_path / "m.onnx")
    shutil.copytree(DATA, tmp_path / "data")

    def beside(data):
        data["model"]["source"], data["data"]["source"] = "m.onnx", "data"

    found = run("verify", change(record, tmp_path / "r.json", beside), "--sample", 1)
    assert found.exit_code == 0, found.stderr


@pytest.mark.parametrize("source", ["../elsewhere", "*", "/etc", ".", "a\0b"])
def test_no_way_leads_out_of_the_records_folder(run, record, tmp_path, source):
    (tmp_path / "in").mkdir()
    shutil.copytree(DATA, tmp_path / "elsewhere")
    (tmp_path / "in/link").symlink_to(tmp_path / "elsewhere")
    for named in (source, "link"):
        changed = change(
            record, tmp_path / "in/r.json", lambda d, n=named: d["data"].update(source=n)
        )
        found = run("verify", changed, *TOLD[:2])
        assert found.exit_code == 2
        assert "not followed; give it with --data" in found.stderr


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (("--data", "examples/fashion"), 2, "none of the record's pictures"),
        (("--data", "nowhere"), 4, "there is no"),
        (("--model", "nowhere.onnx"), 3, "no model file at"),
    ],
)
def test_what_is_not_there(run, record, arguments, code, said):
    found = run("verify", record, *TOLD, *arguments)
    assert found.exit_code == code
    assert said in found.stderr


def test_other_versions_are_remarked(run, record, tmp_path):
    path = change(record, tmp_path / "c.json", lambda d: d["versions"].update(numpy="1.0"))
    found = run("verify", path, *TOLD, "--sample", 1)
    assert found.exit_code == 0
    assert "numpy was 1.0, is " in found.stderr


@pytest.fixture(scope="module")
def naming(tmp_path_factory):
    """A record whose parameters name a picture and a folder; and where those lie."""
    from click.testing import CliRunner

    from onnxplain.cli import main

    folder, elsewhere = tmp_path_factory.mktemp("audit"), tmp_path_factory.mktemp("elsewhere")
    shutil.copy(f"{DATA}/0-7.png", elsewhere / "f.png")
    shutil.copytree(DATA, elsewhere / "others")
    (folder / "audit.toml").write_text(
        'methods = ["occlusion", "prediction-difference"]\nmeasures = ["deletion"]\n'
        "sanity_pictures = 0\n"
        f'[method.occlusion]\nfill_with = "{elsewhere}/f.png"\nwindow = 4\n'
        f'[method.prediction-difference]\nbackground = "{elsewhere}/others"\nsamples = 2\n'
        "window = 4\nstride = 4\n"
    )
    arguments = ["audit", "models/digits-gap.onnx", DATA, "-o", folder, "--limit", "2"]
    found = CliRunner().invoke(main, [*map(str, arguments), "--config", f"{folder}/audit.toml"])
    assert found.exit_code == 0, found.stderr
    return folder / "record.json", elsewhere


def test_files_of_parameters_are_followed_where_they_are_told(run, naming):
    record, elsewhere = naming
    picture, others = ("--file", elsewhere / "f.png"), ("--file", elsewhere / "others")
    for told, lacking in (((), "f.png"), (picture, "others"), (others, "f.png")):
        found = run("verify", record, *TOLD, *told)
        assert found.exit_code == 2
        assert f"the record says '{elsewhere / lacking}'" in found.stderr
        assert "is not followed; give it with --file" in found.stderr
    found = run("verify", record, *TOLD, *picture, *others)
    assert found.exit_code == 0, found.stdout + found.stderr
    found = run("verify", record, *TOLD, *picture, *others, "--file", "third.png")
    assert found.exit_code == 2
    assert "--file 'third.png': the record names no file of that name" in found.stderr


def test_files_of_parameters_may_lie_elsewhere_now(run, naming, tmp_path):
    record, elsewhere = naming
    shutil.copytree(elsewhere, tmp_path / "moved")
    told = [w for n in ("f.png", "others") for w in ("--file", tmp_path / "moved" / n)]
    found = run("verify", record, *TOLD, *told)
    assert found.exit_code == 0, found.stdout + found.stderr
    shutil.copy(f"{DATA}/1-2.png", tmp_path / "moved/f.png")  # another picture of that name
    assert run("verify", record, *TOLD, *told).exit_code == 1
