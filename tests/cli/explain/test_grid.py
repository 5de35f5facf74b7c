"""``explain --grid``: one map for each value of one or two parameters."""

import json

import numpy as np
import pytest
from PIL import Image

from onnxplain import Explanation
from onnxplain.cli.explain.grid import parse_grids
from onnxplain.errors import UsageError
from onnxplain.methods import find


def test_one_parameter(explain):
    found = explain("-m", "occlusion", "--grid", "window=2,4x2", "-p", "stride=2", "--json")
    assert found.exit_code == 0, found.stderr
    assert {p.name for p in explain.folder.iterdir()} == {
        "3-10.occlusion.grid.png", "3-10.occlusion.grid.json",
        *(f"3-10.occlusion.window-{v}.{e}" for v in ("2", "4x2") for e in ("png", "npz")),
    }  # fmt: skip
    record = json.loads((explain.folder / "3-10.occlusion.grid.json").read_text("utf-8"))
    assert (record["format"], record["method"]) == (1, "occlusion")
    assert [c["cell"] for c in record["cells"]] == [{"window": "2"}, {"window": "4x2"}]
    assert all(c["error"] is None and c["files"] for c in record["cells"])
    listed = json.loads(found.stdout)["images"][0]
    assert len(listed["explanations"]) == 2
    # Each cell is the map of its own value.
    maps = [Explanation.load(explain.folder / f"3-10.occlusion.window-{v}.npz").attribution
            for v in ("2", "4x2")]  # fmt: skip
    for value, own in zip(("2", "4x2"), maps, strict=True):
        alone = explain("-m", "occlusion", "-p", f"window={value}", "-p", "stride=2")
        assert alone.exit_code == 0
        alone = Explanation.load(explain.folder / "3-10.occlusion.npz").attribution
        np.testing.assert_array_equal(own, alone)
    assert not np.array_equal(*maps)


def test_two_parameters_are_rows_and_columns(explain):
    options = ("--grid", "smoothgrad.samples=2,3", "--grid", "noise-level=0.1,0.2,0.3")
    found = explain(*options)  # the grid names its method
    assert found.exit_code == 0, found.stderr
    assert "smoothgrad (samples = 2, noise_level = 0.1) of" in found.stdout
    record = json.loads((explain.folder / "3-10.smoothgrad.grid.json").read_text("utf-8"))
    assert [tuple(c["cell"].values()) for c in record["cells"]] == [
        (s, n) for s in ("2", "3") for n in ("0.1", "0.2", "0.3")
    ]
    assert [(c["parameters"]["samples"], c["parameters"]["noise_level"]) for c in record["cells"]
            ] == [(s, n) for s in (2, 3) for n in (0.1, 0.2, 0.3)]  # fmt: skip
    with Image.open(explain.folder / "3-10.smoothgrad.grid.png") as page:
        assert min(page.size) > 1000


def test_a_cell_that_fails_is_named_and_the_others_are_drawn(explain):
    found = explain("--grid", "occlusion.window=2,99")
    assert found.exit_code == 2
    assert "occlusion (window = 99): " in found.stderr
    record = json.loads((explain.folder / "3-10.occlusion.grid.json").read_text("utf-8"))
    assert [c["error"] is None for c in record["cells"]] == [True, False]
    assert (explain.folder / "3-10.occlusion.grid.png").exists()


def test_several_targets_have_a_grid_each(explain):
    found = explain("--grid", "occlusion.window=2,4", "-t", "top-2", "-q")
    assert found.exit_code == 0, found.stderr
    pages = [p.name for p in explain.folder.iterdir() if p.name.endswith("grid.png")]
    assert len(pages) == 2
    assert "3-10.occlusion.3.grid.png" in pages


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (("--grid", "occlusion.windw=2,3"), "unknown parameter of occlusion 'windw'; nearest"),
        (("--grid", "oclusion.window=2,3"), "nearest: 'occlusion'"),
        (("--grid", "occlusion.window=2,two"), "parameter window of occlusion is 'two'"),
        (("--grid", "occlusion.window=2,2x2,2"), "names a value twice"),
        (("--grid", "occlusion.window"), "write [METHOD.]KEY=VALUE,VALUE"),
        (("--grid", "occlusion.window=2,,3"), "write [METHOD.]KEY=VALUE,VALUE"),
        (("--grid", "window=2,3"), "--grid varies one method"),
        (("--grid", "window=2,3", "-m", "occlusion,rise"), "--grid varies one method"),
        (("--grid", "occlusion.window=2,3", "-m", "rise"), "--grid varies one method"),
        (("--grid", "occlusion.window=2", "--grid", "rise.samples=9"), "--grid varies one method"),
        (("--grid", "occlusion.window=2", "--grid", "window=3"), "names 'window' twice"),
        (("--grid", "occlusion.window=2", "--grid", "stride=1", "--grid", "window=3"), "3 times"),
        (("--grid", "occlusion.window=2,3", "-p", "window=4"), "both set 'window'"),
        (("--grid", f"rise.samples={','.join(map(str, range(2, 70)))}"), "68 maps"),
    ],
)
def test_nonsense_is_refused_in_one_line(explain, options, said):
    found = explain(*options)
    assert found.exit_code == 2
    assert said in found.stderr
    assert len(found.stderr.strip().splitlines()) == 1
    assert not explain.folder.exists()


def test_grids_of_several_methods():
    methods = [find("occlusion"), find("smoothgrad")]
    found = parse_grids(
        ["occlusion.window=2,3", "smoothgrad.samples=4,5", "occlusion.stride=1,2"], methods
    )
    assert [(g.method.name, len(g.cells())) for g in found] == [("occlusion", 4), ("smoothgrad", 2)]
    for wrong in ("window=2,3", "rise.samples=1,2"):
        with pytest.raises(UsageError):
            parse_grids([wrong], methods)
