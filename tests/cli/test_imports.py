"""Which packages each command loads: none that it does not use, since people wait for imports."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
MODEL, PICTURE = "models/digits-gap.onnx", "examples/digits/0-7.png"

# Packages that take long to load, and parts of packages.
PLOTS = {"matplotlib"}
SCIPY = {"scipy"}
LEARNING = {"sklearn", "skimage", "umap", "pandas"}
TORCH = {"torch", "onnx2torch"}
# What comes with onnx2torch, PyTorch's exporter and onnx-ir unless somebody takes care.
IN_VAIN = {"torchvision", "torch._dynamo", "torch._inductor", "torch.onnx", "transformers"}
SYMBOLS = {"sympy.core"}
FILES = {"sqlite3", "jinja2", "jsonschema"}
RARE = {"onnx.reference", "tifffile", "ray", "IPython", "matplotlib.pyplot", "tkinter"}
ALL = PLOTS | SCIPY | LEARNING | TORCH | IN_VAIN | SYMBOLS | FILES | RARE

# Runs a command, and prints each watched module with the line of ours that asked for it first.
WATCHED = """
import json, sys, traceback

class Watch:
    def find_spec(self, name, path=None, target=None):
        if name in {watched} and name not in asked:
            own = [f"{{f.filename}}:{{f.lineno}}" for f in traceback.extract_stack()
                   if "onnxplain" in f.filename and "importlib" not in f.filename]
            asked[name] = own[-1] if own else "?"

asked = {{}}
sys.meta_path.insert(0, Watch())
from onnxplain.cli import main
try:
    main({arguments})
except SystemExit as end:
    code = end.code
found = {{name: asked.get(name, "?") for name in {watched} if name in sys.modules}}
print("LOADED", json.dumps([code or 0, found]))
"""


def loaded(*arguments):
    """The watched modules that a command loads, with what asked for each."""
    code = WATCHED.format(watched=ALL, arguments=[str(a) for a in arguments])
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=False, cwd=ROOT
    )
    assert done.returncode == 0, done.stderr
    exit_code, found = json.loads(done.stdout.rpartition("LOADED")[2])
    assert exit_code == 0, done.stderr
    return found


def require(found, *, allowed, used=frozenset()):
    """Only what is allowed was loaded, and what is certainly used."""
    vain = {name: by for name, by in found.items() if name not in allowed}
    said = "\n".join(f"  {name}, asked for by {by}" for name, by in sorted(vain.items()))
    assert not vain, f"loaded although the command does not use it:\n{said}"
    assert used <= set(found), f"not seen: {used - set(found)}"


COMMANDS = {
    "methods": ["methods"],
    "one method": ["methods", "cam"],
    "inspect": ["inspect", MODEL],
    "inspect layers": ["inspect", MODEL, "--layers"],
    "cam": ["explain", MODEL, PICTURE, "-m", "cam", "-o", "out"],
    "eigen-cam": ["explain", MODEL, PICTURE, "-m", "eigen-cam", "-o", "out"],
    "score-cam": ["explain", MODEL, PICTURE, "-m", "score-cam", "-o", "out"],
    "occlusion": ["explain", MODEL, PICTURE, "-m", "occlusion", "-o", "out"],
    "several": ["explain", MODEL, PICTURE, "-m", "cam", "-m", "occlusion", "-o", "out", "--json"],
    "weights": ["features", "weights", MODEL, "-o", "out"],
    "maps": ["features", "maps", MODEL, PICTURE, "-o", "out"],
    "export": ["export", MODEL, "-m", "cam", "-o", "out/model.onnx"],
}


def placed(arguments, folder):
    """With the folder of results in a temporary place."""
    return [str(folder / a) if a.startswith("out") else a for a in arguments]


@pytest.mark.parametrize("name", COMMANDS)
def test_what_needs_onnx_runtime_alone_loads_nothing_else(name, tmp_path):
    arguments = COMMANDS[name]
    # SciPy's filters find the place that is said in words.
    allowed = SCIPY if arguments[0] == "explain" else set()
    require(loaded(*placed(arguments, tmp_path)), allowed=allowed)


@pytest.mark.parametrize("method", ["rise", "lime", "sobol", "hsic"])
def test_sampling_loads_what_it_computes_with(method, tmp_path):
    arguments = ["explain", MODEL, PICTURE, "-m", method, "--max-seconds", 1, "-o", tmp_path]
    require(loaded(*arguments), allowed=SCIPY | {"skimage", "sklearn"})


def test_gradients_load_neither_plots_nor_what_onnx2torch_asks_for(tmp_path):
    found = loaded("explain", MODEL, PICTURE, "-m", "gradient", "-o", tmp_path)
    # PyTorch itself loads sympy in some versions.
    require(found, allowed=TORCH | SYMBOLS | SCIPY)


def test_what_changes_signals_is_seen_to_load_pytorch(tmp_path):
    found = loaded("explain", MODEL, PICTURE, "-m", "guided-backprop", "-o", tmp_path)
    require(found, allowed=TORCH | SYMBOLS | SCIPY, used=TORCH)


def test_default_methods_and_their_sheet_load_neither_plots_nor_pytorch(tmp_path):
    arguments = ["explain", MODEL, PICTURE, "--max-seconds", 1, "-o", tmp_path]
    require(loaded(*arguments), allowed=SYMBOLS | SCIPY)


def data(folder):
    """Two pictures of two classes."""
    for name in ("0-7", "1-2"):
        place = folder / "data" / name[0]
        place.mkdir(parents=True)
        (place / f"{name}.png").write_bytes((ROOT / f"examples/digits/{name}.png").read_bytes())
    return folder / "data"


def test_evaluation_and_comparison_draw_curves(tmp_path):
    arguments = [data(tmp_path), "-m", "occlusion", "-o", tmp_path / "out"]
    require(loaded("evaluate", MODEL, *arguments), allowed=PLOTS | SCIPY, used=PLOTS)
    compare = loaded("compare", MODEL, "models/digits-softmax.onnx", *arguments)
    require(compare, allowed=PLOTS | SCIPY | {"skimage", "jinja2"})


def test_an_audit_its_report_and_its_verification(tmp_path):
    config = tmp_path / "audit.toml"
    config.write_text('methods = ["cam"]\nmeasures = ["deletion"]\nsanity_pictures = 0\n')
    out = tmp_path / "out"
    audit = ["audit", MODEL, data(tmp_path), "--config", config, "-o", out]
    require(
        loaded(*audit), allowed=SCIPY | FILES | {"sklearn", "skimage"}, used={"jinja2", "sqlite3"}
    )
    report = loaded("report", out, "-o", tmp_path / "again")
    require(report, allowed=SCIPY | FILES, used={"jinja2", "jsonschema"})
    given = ["--model", MODEL, "--data", tmp_path / "data"]
    verify = loaded("verify", out / "record.json", *given)
    # The clusters of the maps are computed again.
    require(verify, allowed=SCIPY | FILES | {"sklearn", "skimage"})


def test_what_is_loaded_in_vain_is_named(monkeypatch):
    with pytest.raises(AssertionError, match=r"matplotlib, asked for by colours.py:3"):
        require({"matplotlib": "colours.py:3", "torch": "x.py:1"}, allowed={"torch"})
    with pytest.raises(AssertionError, match="not seen: "):
        require({}, allowed=set(), used={"torch"})
