"""`onnxplain explain` on pictures that can be explained."""

import json
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from deep_networks import deep, proto_of
from graphs import classifier
from PIL import Image

import onnxplain
from onnxplain import Explanation
from onnxplain.cli.explain import sessions as sessions_module
from onnxplain.methods import registered
from onnxplain.render.captions import caption
from tests.applicable import WITHOUT_ATTENTION

ROOT = Path(__file__).parents[3]
NAMES = WITHOUT_ATTENTION


def names(folder):
    return sorted(p.name for p in folder.iterdir())


def test_all_methods_write_their_files_and_say_so(explain):
    found = explain("-m", "all", "-v")
    assert found.exit_code == 0
    expected = [f"3-10.{n}.{e}" for n in NAMES for e in ("png", "npz")]
    sampled = {n for n in NAMES if {"samples", "max_seconds"} <= set(registered()[n].parameters)}
    own = [f"{n}-maps" for n in sampled | {"occlusion", "clear"}]
    expected += [f"3-10.{n}.png" for n in ("sheet", *own)]
    assert names(explain.folder) == sorted(expected)
    lines = found.stdout.splitlines()
    assert lines[0] == "examples/digits/3-10.png"
    assert lines[1].split() == ["index", "class", "probability", "logit"]
    assert lines[2].split()[:2] == ["3", "3"]
    rows = {line.split()[0]: line for line in lines if line.split()[:1] and line.endswith(" .npz")}
    assert list(rows) == NAMES
    for name in NAMES:
        assert rows[name].endswith(f"3-10.{name}.png .npz")
    assert "completeness gap" in found.stdout
    assert "conservation" in found.stdout
    assert "parity error" in found.stdout
    assert f"{len(expected)} files in {explain.folder}" in lines[-1]


def test_words_come_without_figures_unless_asked_for(explain):
    found = explain("-m", "grad-cam,lrp")
    assert found.exit_code == 0
    for figure in ("conservation", "parity error", "absorbed", "seconds"):
        assert figure not in found.stdout
    lines = found.stdout.splitlines()
    start = lines.index("grad-cam of 3 (3) above the mean of the others, logit")
    assert lines[start + 1].startswith("  3, over 99 % sure. The evidence for it is ")
    assert lines[start + 2].startswith("  Can be read: ")


def test_the_logit_alone_is_explained_if_asked_for(explain):
    found = explain("-m", "grad-cam", "--kind", "logit", "--json")
    (record,) = json.loads(found.stdout)["images"][0]["explanations"]
    assert not record["target"]["others"]
    assert record["target"]["kind"] == "logit"
    assert record["summary"].startswith("3, over 99 % sure.")


def test_what_is_written_is_what_python_gives(explain):
    explain("-m", "lrp,occlusion", "--seed", "7", "-p", "composite=epsilon")
    model = onnxplain.load("models/digits-gap.onnx")
    own = model.explain("examples/digits/3-10.png", "lrp", seed=7, composite="epsilon")
    saved = Explanation.load(explain.folder / "3-10.lrp.npz")
    np.testing.assert_array_equal(saved.attribution, own.attribution)
    assert saved.parameters["composite"] == "epsilon"
    assert saved.provenance["seed"] == 7
    drawn = Image.open(explain.folder / "3-10.lrp.png")
    np.testing.assert_array_equal(np.asarray(drawn), np.asarray(own.overlay()))


def test_the_default_methods_are_those_that_the_model_allows(explain):
    assert explain().exit_code == 0
    found = {p.suffixes[0] for p in explain.folder.glob("*.npz")}
    assert found == {".grad-cam", ".lrp", ".occlusion"}


def test_all_leaves_out_what_is_impossible_and_says_why(explain):
    found = explain("-m", "all", model="models/digits-softmax.onnx")
    assert found.exit_code == 0
    assert "onnxplain: warning: cam is left out: cam needs global average" in found.stderr
    assert not list(explain.folder.glob("*.cam.*"))
    assert len(list(explain.folder.glob("*.npz"))) == len(NAMES) - 1


def test_several_targets_have_files_of_their_own(explain):
    assert explain("-m", "cam,occlusion", "-t", "top-2", "-t", "0", "-t", "3").exit_code == 0
    assert {p.name for p in explain.folder.glob("*.npz")} == {
        f"3-10.{method}.{index}.npz" for method in ("cam", "occlusion") for index in (3, 5, 0)
    }
    assert (explain.folder / "3-10.occlusion-maps.0.png").is_file()
    assert len(list(explain.folder.glob("*.sheet.png"))) == 1


def test_target_kind_contrast_and_layer_reach_the_method(explain):
    layer = onnxplain.load("models/digits-gap.onnx").network.layers[1].name
    found = explain(
        "-m", "grad-cam,occlusion", "-t", "top-1", "--contrast", "3", "--kind", "logit",
        "--layer", layer,
    )  # fmt: skip
    assert found.exit_code == 0
    grad_cam = Explanation.load(explain.folder / "3-10.grad-cam.npz")
    # The class that it is contrasted with is passed over among the most probable ones.
    assert (grad_cam.target.index, grad_cam.target.contrast) == (5, 3)
    assert grad_cam.layer == layer
    assert Explanation.load(explain.folder / "3-10.occlusion.npz").target.kind == "logit"


def test_parameters_go_to_those_who_have_them_or_to_one(explain):
    found = explain(
        "-m", "lrp,occlusion,integrated-gradients",
        "-p", "window=2x3", "-p", "fill-with=black", "-p", "integrated-gradients.baseline=white",
    )  # fmt: skip
    assert found.exit_code == 0
    occlusion = Explanation.load(explain.folder / "3-10.occlusion.npz").parameters
    assert occlusion["window"] == [2, 3]
    assert occlusion["fill_with"] == "black"
    gradients = Explanation.load(explain.folder / "3-10.integrated-gradients.npz").parameters
    assert gradients["baseline"] == "white"


def test_json_is_one_document(explain):
    found = explain("-m", "cam,lrp", "-t", "top-2", "--json")
    document = json.loads(found.stdout)
    assert list(document) == ["format", "model", "device", "warnings", "images", "exit_code"]
    assert document["format"] == 1
    assert document["exit_code"] == 0
    (image,) = document["images"]
    assert list(image) == [
        "image", "predictions", "explanations", "files", "error", "exit_code",
    ]  # fmt: skip
    assert len(image["predictions"]) == 5
    assert list(image["predictions"][0]) == ["index", "name", "probability", "logit"]
    assert image["predictions"][0]["index"] == 3
    keys = "summary method target score layer parameters measures notes warnings seconds".split()
    keys += ["engine", "channels", "files", "error", "exit_code"]
    for record in image["explanations"]:
        assert list(record) == keys
        assert record["error"] is None
    pairs = [(e["method"], e["target"]["index"]) for e in image["explanations"]]
    assert pairs == [("cam", 3), ("lrp", 3), ("cam", 5), ("lrp", 5)]
    for name in [f for e in image["explanations"] for f in e["files"]] + image["files"]:
        assert Path(name).is_file()


def test_folders_and_patterns_take_images_only(explain, tmp_path):
    source = tmp_path / "in"
    (source / "deep").mkdir(parents=True)
    for name in ("b.png", "a.PNG", "deep/c.png"):
        shutil.copy("examples/digits/3-10.png", source / name)
    (source / "notes.txt").write_text("no image")
    images = [source, source / "**" / "*.png", source / "b.png"]
    found = json.loads(explain("-m", "cam", "--json", images=images).stdout)
    assert [Path(i["image"]).name for i in found["images"]] == ["a.PNG", "b.png", "c.png"]


def test_images_with_the_same_stem_do_not_overwrite_each_other(explain, tmp_path):
    sources = []
    for name in ("x/cat.png", "y/cat.png", "y/Cat.bmp", "z/cat-2.png"):
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        Image.open("examples/digits/3-10.png").save(path)
        sources.append(path)
    found = json.loads(explain("-m", "cam", "--json", images=sources).stdout)
    files = [f.lower() for i in found["images"] for e in i["explanations"] for f in e["files"]]
    assert len(files) == len(set(files)) == 2 * len(sources)
    stems = [Path(i["files"][0]).name.removesuffix(".sheet.png") for i in found["images"]]
    assert stems == ["cat", "cat-3", "Cat-4", "cat-2"]


def test_quiet_says_nothing(explain):
    found = explain("-m", "cam", "-q")
    assert (found.exit_code, found.stdout, found.stderr) == (0, "", "")
    assert (explain.folder / "3-10.sheet.png").is_file()


def test_the_fallback_to_the_cpu_is_one_line(explain, monkeypatch):
    monkeypatch.setattr(sessions_module, "cuda_device_count", lambda: 0)
    monkeypatch.setattr("onnxplain.adapters.ort_sessions.cuda_loads", lambda index: False)
    found = explain("-m", "cam")
    assert found.stderr == "onnxplain: device: cpu (no CUDA device)\n"
    assert explain("-m", "cam", "--device", "cpu").stderr == ""


@pytest.mark.parametrize("options", [["--batch-size", "1"], ["--precision", "double"]])
def test_settings_of_the_engines_are_accepted(explain, options):
    assert explain("-m", "occlusion,saliency", *options).exit_code == 0
    precision = Explanation.load(explain.folder / "3-10.saliency.npz").provenance["precision"]
    assert precision == ("double" if "double" in options else "as the file")


def test_a_forward_only_method_does_not_load_torch(tmp_path):
    code = (
        "import sys\n"
        "from onnxplain.cli import main\n"
        "try:\n"
        "    main(['explain', 'models/efficientnet-lite0.onnx', 'examples/photos/chelsea.png',\n"
        f"          '-m', 'cam', '-o', {str(tmp_path)!r}])\n"
        "finally:\n"
        "    print('LOADED', *sys.modules)"
    )
    found = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT
    )
    said, _, loaded = found.stdout.partition("LOADED")
    assert "tiger cat" in said
    assert "chelsea.cam.png" in names(tmp_path)
    assert {"torch", "onnx2torch"}.isdisjoint(loaded.split())
    assert "onnxruntime" in loaded.split()


def test_a_tensor_behind_the_pixels_is_explained_on_request(explain, run, tmp_path):
    proto = classifier(layout="NHWC", dtype=np.uint8, channels=1)
    path = tmp_path / "pixels.onnx"
    path.write_bytes(proto.SerializeToString())
    found = explain("-m", "saliency", "--at", "normalised", model=path)
    assert found.exit_code == 0, found.stderr
    saved = Explanation.load(explain.folder / "3-10.saliency.npz")
    assert saved.notes["at"] == "first"
    refused = explain("-m", "saliency", "--at", "maps", model=path)
    assert refused.exit_code == 2
    assert "allowed: float, normalised" in refused.stderr


@pytest.mark.parametrize("asked", ["last", "early", "0", "-2"])
def test_a_layer_by_word_or_number_is_that_of_python(explain, asked):
    network = onnxplain.load("models/digits-gap.onnx").network
    found = explain("-m", "grad-cam,eigen-cam,score-cam", "--layer", asked, "--json")
    assert found.exit_code == 0, found.stderr
    for one in json.loads(found.stdout)["images"][0]["explanations"]:
        assert one["layer"] == network.layer(asked).name
        assert one["warnings"] == []


def test_a_number_beyond_the_list_is_one_line(explain):
    found = explain("-m", "grad-cam", "--layer", "999")
    assert found.exit_code == 2
    assert "there is no layer 999; allowed: -" in found.stderr


def test_an_early_choice_is_said_in_terminal_json_and_picture(explain, tmp_path):
    path = tmp_path / "early.onnx"
    nodes, constants = deep(lost=True)
    path.write_bytes(proto_of(nodes, constants).SerializeToString())
    options = ("--preprocess", "zero-one", "--scores", "logits", "-m", "grad-cam")
    said = explain(*options, model=path, images=("examples/photos/chelsea.png",))
    assert "'f' is at 11% of the network's depth" in said.stdout + said.stderr
    found = explain(*options, "--json", model=path, images=("examples/photos/chelsea.png",))
    (one,) = json.loads(found.stdout)["images"][0]["explanations"]
    (warning,) = one["warnings"]
    assert warning == onnxplain.load(path).network.layer_choice.warning
    (kept,) = explain.folder.glob("*.grad-cam.npz")
    assert f"warning: {warning}" in caption(Explanation.load(kept))
    named = explain(*options, "--layer", "f", "--json", model=path,
                    images=("examples/photos/chelsea.png",))  # fmt: skip
    assert json.loads(named.stdout)["images"][0]["explanations"][0]["warnings"] == []


def test_pictures_are_drawn_as_asked(explain):
    done = explain(
        "-m", "gradient", "--style", "black", "--contour", "--columns", "1", "--format", "svg"
    )
    assert done.exit_code == 0, done.stderr
    assert (explain.folder / "3-10.sheet.svg").read_bytes().startswith(b"<?xml")
    drawn = Image.open(explain.folder / "3-10.gradient.png")
    explanation = Explanation.load(explain.folder / "3-10.gradient.npz")
    np.testing.assert_array_equal(drawn, explanation.overlay(style="black", contour=True))


def test_the_styles_of_the_command_are_those_that_there_are():
    from onnxplain.cli.explain.command import explain as command
    from onnxplain.render.look import STYLES
    from onnxplain.render.save import FORMATS

    choices = {o.name: o.type.choices for o in command.params if hasattr(o.type, "choices")}
    assert tuple(choices["style"]) == tuple(STYLES)
    assert tuple(choices["file_format"]) == FORMATS
