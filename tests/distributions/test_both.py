"""The two distributions are one package: their metadata agree, and both build and install.

The slow tests need the extra ``packaging`` and a package index that pip reaches.
"""

import json
import os
import subprocess
import sys
import tarfile
import venv
import zipfile
from email import message_from_bytes
from pathlib import Path

import pytest

import onnxplain
from onnxplain.convert.operators import MICROSOFT, OURS, STOCK
from onnxplain.files import parse_toml

ROOT = Path(__file__).parents[2]
LIGHT = ROOT / "distributions/light"
FOLDERS = {"onnxplain": ROOT, "onnxplain-light": LIGHT}
# What the light one leaves out, and what stands in its place.
HEAVY, IN_PLACE = {"onnxruntime-gpu", "onnx2torch"}, {"onnxruntime"}
MEGABYTES = 500


def project(folder):
    return parse_toml((folder / "pyproject.toml").read_text("utf-8"), "pyproject.toml")


def named(requirements):
    return {r.partition(">")[0].partition("[")[0].partition("=")[0].strip() for r in requirements}


def test_the_light_one_lacks_what_is_heavy_and_nothing_else():
    full, light = (project(f)["project"] for f in FOLDERS.values())
    assert named(light["dependencies"]) == named(full["dependencies"]) - HEAVY | IN_PLACE
    lowest = {r.partition(",")[0] for r in light["dependencies"]}
    assert {r for r in lowest if "onnxruntime" not in r} < set(full["dependencies"])


def test_everything_else_is_the_same():
    full, light = map(project, FOLDERS.values())
    same = ("version", "requires-python", "license", "license-files", "keywords", "classifiers",
            "scripts")  # fmt: skip
    assert {k: full["project"][k] for k in same} == {k: light["project"][k] for k in same}
    assert full["project"]["version"] == onnxplain.__version__
    for key in ("packages", "package-data"):
        assert full["tool"]["setuptools"][key] == light["tool"]["setuptools"][key]
    extras, theirs = (p["project"]["optional-dependencies"] for p in (full, light))
    assert {k: extras[k] for k in theirs if k != "torch"} == {
        k: v for k, v in theirs.items() if k != "torch"
    }


def test_the_readme_counts_the_converters():
    own = sum(len(versions) for covered in OURS.values() for versions in covered.values())
    microsoft, stock = sum(map(len, MICROSOFT.values())), sum(map(len, STOCK.values()))
    said = " ".join((ROOT / "README.md").read_text("utf-8").split())
    assert f"{stock} of the operator versions" in said
    assert f"{own + microsoft} ({own} of the ONNX standard, {microsoft} of ONNX Runtime's" in said


def test_nothing_is_left_in_the_light_folder():
    assert {p.name for p in LIGHT.iterdir()} - {"__pycache__"} == {
        "MANIFEST.in", "backend.py", "pyproject.toml",
    }  # fmt: skip


@pytest.fixture(scope="module")
def built(tmp_path_factory):
    """Folder with wheel and source archive of each distribution, the wheels from the archives."""
    pytest.importorskip("build", reason="needs the extra onnxplain[packaging]")
    out = tmp_path_factory.mktemp("dist")
    for folder in FOLDERS.values():
        subprocess.run([sys.executable, "-m", "build", str(folder), "-o", str(out)], check=True)
    return out


@pytest.mark.slow
def test_metadata_are_complete(built):
    files = sorted(built.iterdir())
    assert len(files) == 4
    checked = subprocess.run(
        [sys.executable, "-m", "twine", "check", "--strict", *map(str, files)],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert checked.returncode == 0, checked.stdout


@pytest.mark.slow
@pytest.mark.parametrize("name", FOLDERS)
def test_wheel_and_archive_hold_the_whole_package(built, name):
    stem = f"{name.replace('-', '_')}-{onnxplain.__version__}"
    sources = {
        p.relative_to(ROOT).as_posix()
        for p in (ROOT / "onnxplain").rglob("*")
        if p.is_file() and "__pycache__" not in p.parts
    }
    with zipfile.ZipFile(built / f"{stem}-py3-none-any.whl") as wheel:
        assert sources <= set(wheel.namelist())
        about = message_from_bytes(wheel.read(f"{stem}.dist-info/METADATA"))
    assert about["Name"] == name
    assert about["License-Expression"] == "Apache-2.0"
    assert "# onnxplain" in str(about.get_payload())
    with tarfile.open(built / f"{stem}.tar.gz") as archive:
        assert {f"{stem}/{s}" for s in sources} <= set(archive.getnames())


@pytest.mark.slow
def test_the_light_wheel_is_light_and_explains(built, tmp_path, monkeypatch):
    # What runs is the wheel, not this checkout.
    monkeypatch.delenv("PYTHONPATH", raising=False)
    home = tmp_path / "venv"
    venv.create(home, with_pip=True)
    folder = home / ("Scripts" if sys.platform == "win32" else "bin")
    before = size(home)
    (wheel,) = built.glob("onnxplain_light-*.whl")
    install = [folder / "python", "-m", "pip", "install", "-q", "--no-compile", wheel]
    subprocess.run(install, check=True)
    megabytes = (size(home) - before) / 1e6
    print(f"{wheel.name}: {megabytes:.0f} MB installed")
    assert megabytes < MEGABYTES
    absent = "import importlib.util as u; print([u.find_spec(n) for n in ('torch', 'onnx2torch')])"
    found = subprocess.run([folder / "python", "-c", absent], capture_output=True, text=True)
    assert found.stdout.strip() == "[None, None]"
    command = [
        folder / "onnxplain", "explain", ROOT / "models/efficientnet-lite0.onnx",
        ROOT / "examples/photos/chelsea.png", "-m", "cam,grad-cam,occlusion,rise,lrp",
        "--max-seconds", "20", "-o", tmp_path / "out", "--json",
    ]  # fmt: skip
    done = subprocess.run(command, capture_output=True, text=True, cwd=tmp_path, check=False)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)
    for method in ("cam", "grad-cam", "occlusion", "rise", "lrp"):
        assert (tmp_path / "out" / f"chelsea.{method}.npz").is_file()
    refused = subprocess.run(
        [*command[:4], "-m", "guided-backprop", "-o", tmp_path / "out"],
        capture_output=True,
        text=True,
    )
    assert refused.returncode == 5
    assert "pip install torch onnx2torch" in refused.stderr


@pytest.mark.slow
def test_the_full_wheel_explains(built, tmp_path):
    """Beside the packages that it needs, which are those of this environment."""
    (wheel,) = built.glob("onnxplain-*.whl")
    install = [sys.executable, "-m", "pip", "install", "-q", "--no-deps", "--target"]
    subprocess.run([*install, tmp_path / "installed", wheel], check=True)
    environment = {**os.environ, "PYTHONPATH": str(tmp_path / "installed")}

    def run(*words):
        command = [sys.executable, *map(str, words)]
        return subprocess.run(
            command, cwd=tmp_path, env=environment, capture_output=True, text=True, check=True
        ).stdout

    where = run("-c", "import onnxplain; print(onnxplain.__file__)").strip()
    assert Path(where).is_relative_to(tmp_path / "installed")
    run("-m", "onnxplain", "explain", ROOT / "models/digits-gap.onnx",
        ROOT / "examples/digits/3-10.png", "-o", "out")  # fmt: skip
    for method in ("grad-cam", "lrp", "occlusion"):
        assert (tmp_path / "out" / f"3-10.{method}.npz").is_file()


def size(folder):
    return sum(p.stat().st_size for p in folder.rglob("*") if p.is_file() and not p.is_symlink())
