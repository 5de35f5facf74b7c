"""Names that files, classes and models may have, in every output."""

import json
import os
import sys
from pathlib import Path

import pytest

from onnxplain.cli.features.picture_views import file_name
from onnxplain.cli.images import result_names, shortened
from onnxplain.errors import OutputError
from onnxplain.files import whole_file, why_no_file, write_text
from onnxplain.inputs.image import open_image
from tests.cli.conftest import DIGIT, MODEL

linux = pytest.mark.skipif(sys.platform != "linux", reason="others refuse names outside of UTF-8")
AWKWARD = [
    "\ud800x", "a\u0000b\u001b[31m", "$\\frac{$", "\u202eabc", "d\ne",
    "n" * 400, "\udcff", "7", "8", "9",
]  # fmt: skip
CONFIG = 'methods = ["grad-cam"]\nmeasures = ["deletion"]\nsanity_pictures = 1\n'


@pytest.fixture
def place(tmp_path):
    """A folder, a model, its class names and its data, none of them named in UTF-8."""
    folder = Path(os.fsdecode(os.fsencode(tmp_path) + b"/dir\xff"))
    folder.mkdir()
    stem = os.fsdecode(b"mod\xe9l")
    (folder / f"{stem}.onnx").write_bytes(Path(MODEL).read_bytes())
    recipe = Path(MODEL).with_suffix(".preprocess.json")
    (folder / f"{stem}.preprocess.json").write_bytes(recipe.read_bytes())
    (folder / f"{stem}.labels.json").write_text(json.dumps(AWKWARD))
    data = folder / "data" / "\u732b$a$"
    data.mkdir(parents=True)
    for k, path in enumerate(sorted(Path("examples/digits").glob("*.png"))[:6]):
        name = os.fsencode(f"\u00e9\x1b[3{k}m\n") if k % 2 else b"\xff%d" % k
        with open(os.fsencode(data) + b"/" + name + b".png", "wb") as file:
            file.write(path.read_bytes())
    return folder


@linux
@pytest.mark.parametrize(
    "words",
    [
        ("explain", "MODEL", "PICTURE", "-m", "cam,clear,occlusion", "-t", 0, "-t", 6),
        ("explain", "MODEL", "DATA/*/*.png", "-m", "cam", "--json"),
        ("evaluate", "MODEL", "DATA/*/*.png", "-m", "cam", "--metrics", "deletion"),
        ("compare", "MODEL", "MODEL", "DATA/*/*.png", "-m", "cam", "--show", 2),
        ("audit", "MODEL", "DATA/*/*.png", "--config", "CONFIG"),
        ("features", "maps", "MODEL", "DATA/*/*.png", "--count", 1),
        ("features", "weights", "MODEL", "--count", 1),
        ("features", "atlas", "MODEL", "DATA/*/*.png"),
        ("features", "top-patches", "MODEL", "DATA/*/*.png", "--count", 1, "--images", 2),
        ("features", "class-model", "MODEL", "-t", 0, "--steps", 2),
        ("inspect", "MODEL"),
    ],
    ids=lambda words: "-".join(str(w) for w in words[:2]),
)
def test_names_that_no_output_can_hold(run, place, words):
    (place / "audit.toml").write_text(CONFIG)
    known = {
        "MODEL": place / os.fsdecode(b"mod\xe9l.onnx"),
        "DATA/*/*.png": place / "data" / "*" / "*.png",
        "PICTURE": min((place / "data").rglob("*.png")),
        "CONFIG": place / "audit.toml",
    }
    out = () if words[0] == "inspect" else ("-o", place / "out")
    found = run(*(known.get(w, w) for w in words), *out)
    assert found.exit_code == 0, found.stderr
    said = found.stdout + found.stderr
    said.encode("utf-8")
    assert "\x1b" not in said
    assert "\x00" not in said
    for path in (place / "out").glob("*"):
        if path.suffix in (".csv", ".html", ".md", ".json"):
            path.read_text("utf-8")
        if path.suffix == ".png":
            open_image(path)


def test_long_stems_are_shortened_and_kept_apart():
    long = ["n" * 240 + "1", "n" * 240 + "2", "\u732b" * 80, "short"]
    names = result_names([Path(f"{stem}.png") for stem in long])
    assert len(set(names.values())) == 4
    assert all(len(os.fsencode(n)) <= 150 for n in names.values())
    assert names[Path("short.png")] == "short"
    assert shortened("n" * 150) == "n" * 150
    shortened("\u732b" * 80).encode("utf-8")  # no letter is cut in two


def test_file_names_of_tensors_are_counted_in_bytes():
    assert len(file_name("\u732b" * 100).encode()) <= 80


@linux
def test_a_long_name_beside_results(run, tmp_path):
    image = tmp_path / ("n" * 251 + ".png")
    image.write_bytes(Path(DIGIT).read_bytes())
    model = tmp_path / ("m" * 250 + ".onnx")
    model.write_bytes(Path(MODEL).read_bytes())
    found = run("explain", model, image, "-o", tmp_path / "out", "-t", "top-2")
    assert found.exit_code == 0, found.stderr
    found = run("features", "maps", model, image, "-o", tmp_path / "out")
    assert found.exit_code == 0, found.stderr


@pytest.mark.parametrize(
    ("words", "code"),
    [
        (("explain", MODEL, "N.png"), 4),
        (("explain", MODEL, "N/*.png"), 4),
        (("explain", "N.onnx", DIGIT), 3),
        (("inspect", "N"), 3),
        (("explain", MODEL, DIGIT, "--labels", "N"), 2),
        (("explain", MODEL, DIGIT, "--preprocess", "N"), 2),
        (("explain", MODEL, DIGIT, "-m", "cam", "-o", "N"), 7),
        (("evaluate", MODEL, "N"), 4),
        (("audit", MODEL, "N/N"), 4),
        (("audit", MODEL, "examples/digits", "--masks", "N"), 2),
        (("report", "N"), 2),
        (("verify", "N"), 2),
    ],
    ids=lambda words: " ".join(words) if isinstance(words, tuple) else None,
)
def test_a_path_that_is_too_long(run, tmp_path, monkeypatch, words, code):
    root = Path.cwd()
    links = ("models", "examples")
    for name in links:
        (tmp_path / name).symlink_to(root / name)
    monkeypatch.chdir(tmp_path)
    found = run(*(w.replace("N", "n" * 300) for w in words))
    assert found.exit_code == code, found.stderr
    assert len([x for x in found.stderr.splitlines() if "error:" in x]) == 1


def test_a_text_with_what_is_no_character_is_written(tmp_path):
    write_text(tmp_path / "a.csv", "caf\udce9")
    assert (tmp_path / "a.csv").read_bytes() == b"caf\\udce9"


def test_files_with_the_longest_name_are_written_whole(tmp_path):
    path = tmp_path / ("n" * 251 + ".png")
    with whole_file(path) as file:
        file.write(b"1")
    assert [p.name for p in tmp_path.iterdir()] == [path.name]
    with pytest.raises(OutputError, match="too long"), whole_file(tmp_path / ("n" * 256)):
        pass


def test_why_there_is_no_file(tmp_path):
    assert why_no_file(__file__) == ""
    assert why_no_file(tmp_path) == "it is a folder"
    assert why_no_file(tmp_path / "none") == "it does not exist"
    assert why_no_file("a\0b") == "no file can have that name"
