"""A picture that cannot be read, and those that end native code, cost no other picture."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tests.cli.conftest import MODEL

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="signals and limits of Linux")

ROOT = Path(__file__).parents[2]
FAULTY = Path(__file__).parent / "faulty"
# As `tests/cli/faulty` takes them: while it is read, and when the model runs on it.
LOST = ("crash.png", "forward.png")
LAYER = ("--layer", "/2/Conv_output_0")
CONFIG = 'methods = ["cam"]\nmeasures = ["deletion"]\nsanity_pictures = 1\n'
DATA_SETS = {
    "evaluate": ("evaluate", MODEL, "DATA", "-m", "cam", "--metrics", "deletion"),
    "compare": ("compare", MODEL, "models/digits-softmax.onnx", "DATA", "-m", "occlusion"),
    "audit": ("audit", MODEL, "DATA", "--config", "CONFIG"),
    "top-patches": ("features", "top-patches", MODEL, "DATA", *LAYER, "--count", "1"),
    "relevant": ("features", "relevant", MODEL, "DATA", "--mu", "4", *LAYER),
    "atlas": ("features", "atlas", MODEL, "DATA", "--cells", "3", *LAYER),
}
PICTURES = {
    "explain": ("explain", MODEL, "PICTURES", "-m", "cam"),
    "maps": ("features", "maps", MODEL, "PICTURES", "--count", "1", *LAYER),
}


def run(words, data, folder):
    """Run a command behind the wall, on a folder or on each of its pictures."""
    (folder / "audit.toml").write_text(CONFIG)
    stands_for = {
        "DATA": [str(data)],
        "PICTURES": sorted(map(str, data.rglob("*.png"))),
        "CONFIG": [str(folder / "audit.toml")],
    }
    given = [part for word in words for part in stands_for.get(word, [word])]
    paths = [str(FAULTY), str(ROOT), os.environ.get("PYTHONPATH", "")]
    return subprocess.run(
        [sys.executable, "-m", "onnxplain", *given, "-o", str(folder / "out"), "--isolate"],
        env={**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, paths))},
        cwd=ROOT, capture_output=True, text=True, check=False, timeout=600,
    )  # fmt: skip


def pictures(folder, *names):
    """Make a data set of eight good pictures of two classes, and others by name."""
    digits = sorted((ROOT / "examples/digits").glob("*.png"))
    chosen = [d for d in digits if d.name[0] in "38"][:4] + digits[:4]
    for digit in chosen:
        target = folder / "data" / digit.name[0] / digit.name
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(digit, target)
    for name in names:
        shutil.copy(digits[0], folder / "data" / digits[0].name[0] / name)
        if name.startswith("forward"):
            stripes = np.tile(np.array([0, 255], np.uint8), (8, 4))
            Image.fromarray(stripes).save(folder / "data" / digits[0].name[0] / name)
    return folder / "data"


def require_said(found, *names):
    for name in names:
        (line,) = [n for n in found.stderr.splitlines() if name in n]
        assert ("lost in native code: " in line) == (name in LOST)
    assert "Traceback" not in found.stderr
    assert "internal error" not in found.stderr


@pytest.mark.slow
@pytest.mark.parametrize("command", [*DATA_SETS, *PICTURES])
def test_an_unreadable_picture_costs_no_other(tmp_path, command):
    data = pictures(tmp_path, "bad.png")
    next(data.rglob("bad.png")).write_bytes(b"\x89PNG\r\n\x1a\n")
    words = {**DATA_SETS, **PICTURES}[command]
    found = run(words, data, tmp_path)
    assert found.returncode == (0 if command in DATA_SETS else 4), found.stderr
    require_said(found, "bad.png")
    assert list((tmp_path / "out").iterdir())


@pytest.mark.slow
@pytest.mark.parametrize("command", [*DATA_SETS, *PICTURES])
def test_pictures_that_end_native_code_cost_no_other(tmp_path, command):
    words = {**DATA_SETS, **PICTURES}[command]
    found = run(words, pictures(tmp_path, *LOST), tmp_path)
    assert found.returncode == 8, found.stderr
    require_said(found, *LOST)
    files = {p.name for p in (tmp_path / "out").iterdir()}
    # The same files as of the good pictures alone.
    (tmp_path / "good").mkdir()
    good = run(words, pictures(tmp_path / "good"), tmp_path / "good")
    assert good.returncode == 0, good.stderr
    assert files == {p.name for p in (tmp_path / "good/out").iterdir()}
