"""A guess about the preprocessing stands beside every result, with what else it may be."""

import json

import numpy as np
import onnx
import pytest
from click.testing import CliRunner
from graphs import SIDE, classifier
from PIL import Image

from onnxplain import Explanation
from onnxplain.cli import main

ALTERNATIVES = ("zero-one", "minus-one-one", "raw")


@pytest.fixture
def folder(tmp_path):
    onnx.save(classifier(final="Softmax"), tmp_path / "a net.onnx")
    pixels = np.random.default_rng(0).integers(0, 256, (2, SIDE, SIDE, 3)).astype(np.uint8)
    (tmp_path / "photos").mkdir()
    for k, one in enumerate(pixels):
        Image.fromarray(one).save(tmp_path / "photos" / f"{k}.png")
    return tmp_path


def require_guess(text):
    assert "guessed as 'imagenet-torch'" in text
    assert all(name in text for name in ALTERNATIVES)
    assert "onnxplain inspect 'a net.onnx' --try IMAGES" in text


def done(*arguments):
    found = CliRunner().invoke(main, [str(a) for a in arguments])
    assert found.exit_code == 0, found.output
    return found


def test_explain_says_it_in_the_terminal_and_in_json(folder):
    command = ("explain", folder / "a net.onnx", folder / "photos" / "0.png", "-m", "occlusion")
    command += ("-o", folder / "out")
    said = done(*command)
    require_guess(" ".join((said.stdout + said.stderr).split()))
    (guess,) = [t for t in json.loads(done(*command, "--json").stdout)["warnings"] if "guess" in t]
    require_guess(guess)
    (saved,) = (folder / "out").glob("*.npz")
    assert guess in Explanation.load(saved).provenance["warnings"]


def test_inspect_names_source_and_guess(folder):
    found = json.loads(done("inspect", folder / "a net.onnx", "--json").stdout)["model"]
    assert found["sources"]["preprocess"].startswith("a guess: ")
    require_guess(" ".join(found["warnings"]))


def test_comparison_and_its_page_say_it(folder):
    files = [folder / "a net.onnx", folder / "b net.onnx"]
    files[1].write_bytes(files[0].read_bytes())
    done("compare", *files, folder / "photos", "-m", "grad-cam", "-o", folder / "out")
    record = json.loads((folder / "out" / "comparison.json").read_text())
    for model in record["provenance"]["models"]:
        assert "a guess" in model["sources"]["preprocess"]
        assert any("guessed as" in text for text in model["warnings"])
    page = (folder / "out" / "comparison.html").read_text()
    assert page.count("Warning: ") >= 2
    assert "--try IMAGES" in page


def test_an_evaluation_says_it(folder):
    table = "file,label\n" + "\n".join(f"photos/{k}.png,1" for k in range(2))
    (folder / "labels.csv").write_text(table)
    done("evaluate", folder / "a net.onnx", folder / "labels.csv", "-m", "grad-cam",
        "--metrics", "deletion", "-o", folder / "out")  # fmt: skip
    (record,) = (folder / "out").glob("*.json")
    provenance = json.loads(record.read_text())["provenance"]
    require_guess(" ".join(provenance["warnings"]))


def test_an_audit_and_its_page_say_it(folder):
    config = folder / "audit.toml"
    config.write_text('methods = ["grad-cam"]\nmeasures = ["deletion"]\nsanity_pictures = 0\n')
    out = ("--config", config, "-o", folder / "out")
    done("audit", folder / "a net.onnx", folder / "photos", *out)
    (page,) = (folder / "out").glob("*.html")
    assert "--try IMAGES" in page.read_text()


def test_a_declaration_ends_it(folder):
    found = done("inspect", folder / "a net.onnx", "--preprocess", "zero-one", "--json")
    assert not [t for t in json.loads(found.stdout)["model"]["warnings"] if "preprocess" in t]
