"""`onnxplain explain` on a data set: the same results in the same order, however many write."""

import json
import shutil

import pytest

from onnxplain import Explanation
from onnxplain.cli.explain import run as run_module

DIGITS = [f"examples/digits/{n}.png" for n in ("0-7", "3-10", "2-11", "1-2")]


@pytest.fixture
def many(tmp_path):
    """Twelve pictures, one of which cannot be read."""
    folder = tmp_path / "many"
    folder.mkdir()
    for k in range(12):
        shutil.copy(DIGITS[k % 4], folder / f"{k:02}.png")
    (folder / "05.png").write_bytes(b"no picture")
    return folder


def told(found):
    """What a document says, without times and folders."""
    document = json.loads(found.stdout)
    for image in document["images"]:
        image["files"] = [f.rsplit("/", 1)[1] for f in image["files"]]
        for explanation in image["explanations"]:
            explanation["seconds"] = 0
            explanation["files"] = [f.rsplit("/", 1)[1] for f in explanation["files"]]
    return document


def test_workers_change_neither_results_nor_their_order(run, many, tmp_path):
    ways = {}
    for workers in (1, 4):
        out = tmp_path / str(workers)
        found = run(
            "explain", "models/digits-gap.onnx", many, "-m", "cam,grad-cam", "-t", "top-2",
            "--json", "--workers", workers, "-o", out,
        )  # fmt: skip
        assert found.exit_code == 4
        ways[workers] = told(found), sorted(p.name for p in out.iterdir())
        assert "05.png" in found.stderr
    assert ways[1] == ways[4]
    images = ways[1][0]["images"]
    assert [i["image"].rsplit("/", 1)[1] for i in images] == [f"{k:02}.png" for k in range(12)]
    assert [i["error"] is None for i in images] == [k != 5 for k in range(12)]
    for name in ways[1][1]:
        if name.endswith(".npz"):
            first, second = (Explanation.load(tmp_path / str(w) / name) for w in (1, 4))
            assert first.attribution.tolist() == second.attribution.tolist()
        else:
            assert (tmp_path / "1" / name).read_bytes() == (tmp_path / "4" / name).read_bytes()


@pytest.mark.parametrize(
    ("asked", "count", "drawn"),
    [((), run_module.FEW, True), ((), 11, False), (("--sheets",), 11, True),
     (("--no-sheets",), 2, False)],
)  # fmt: skip
def test_sheets_are_for_few_pictures_or_if_asked_for(run, many, tmp_path, asked, count, drawn):
    (many / "05.png").unlink()
    for path in sorted(many.iterdir())[count:]:
        path.unlink()
    out = tmp_path / "out"
    found = run("explain", "models/digits-gap.onnx", many, "-m", "cam", "-o", out, *asked)
    assert found.exit_code == 0
    assert len(list(out.glob("*.sheet.png"))) == (count if drawn else 0)
    assert len(list(out.glob("*.cam.png"))) == count
    said = "no sheets for more than 10 pictures; --sheets draws them"
    assert (said in found.stderr) == (not asked and not drawn)
    assert (".sheet.png" in found.stdout) == drawn


def test_an_interrupt_keeps_whole_files_of_what_was_done(run, many, tmp_path, monkeypatch):
    from onnxplain.model.model import Model

    real, calls = Model.attempt_targets, []

    def interrupted(self, *arguments, **options):
        calls.append(1)
        if len(calls) == 4:
            raise KeyboardInterrupt
        return real(self, *arguments, **options)

    monkeypatch.setattr(Model, "attempt_targets", interrupted)
    out = tmp_path / "out"
    found = run("explain", "models/digits-gap.onnx", many, "-m", "cam", "-o", out)
    assert found.exit_code == 130
    assert found.stderr.endswith("onnxplain: interrupted\n")
    names = {f"{k:02}.cam.{e}" for k in range(3) for e in ("png", "npz")}
    assert {p.name for p in out.iterdir()} == names
    for k in range(3):
        assert Explanation.load(out / f"{k:02}.cam.npz").method == "cam"
