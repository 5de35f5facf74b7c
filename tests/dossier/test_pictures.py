"""The pictures of a dossier, found again by their names."""

import hashlib
import json
from pathlib import Path

import pytest
from PIL import Image

from onnxplain.dossier.pictures import PICTURES, kept_samples
from onnxplain.errors import UsageError
from tests.dossier.conftest import DATA, MODEL, run


def test_they_are_the_files_that_were_audited(unsigned):
    kept = kept_samples(unsigned)
    assert len(kept) == 3
    for sample in kept:
        assert sample.path.read_bytes() == Path(DATA, sample.name).read_bytes()


@pytest.mark.parametrize("path", ["../x.png", "/x.png", 5])
def test_paths_that_leave_the_dossier(unsigned, path):
    entries = json.loads((unsigned / PICTURES).read_text())
    entries[0]["file"] = path
    (unsigned / PICTURES).write_text(json.dumps(entries))
    with pytest.raises(UsageError, match="is not allowed"):
        kept_samples(unsigned)


@pytest.mark.parametrize("content", ["3", "{}", '[{"file": "a"}]', "[[]]", "null"])
def test_lists_that_are_none(unsigned, content):
    (unsigned / PICTURES).write_text(content)
    with pytest.raises(UsageError, match="not the list of a dossier"):
        kept_samples(unsigned)


def test_labels_masks_and_odd_names_verify_again(tmp_path, verifier, capsys):
    data = tmp_path / "data"
    for number, path in enumerate(sorted(Path(DATA).glob("*.png"))[:4]):
        label = path.name[0]
        place = data / label / f"ä photo [{number}] (1).png"
        place.parent.mkdir(parents=True)
        place.write_bytes(path.read_bytes())
        mask = data / "masks" / label / place.name
        mask.parent.mkdir(parents=True)
        with Image.open(path) as image:
            image.convert("L").save(mask)
    config = tmp_path / "audit.toml"
    config.write_text('methods = ["grad-cam"]\nmeasures = []\nsanity_pictures = 0\n')
    given = ("--config", config, "-o", tmp_path / "audited")
    assert run("audit", MODEL, data, *given).exit_code == 0
    out = tmp_path / "dossier"
    made = run("dossier", tmp_path / "audited", "-o", out, "--model", MODEL, "--data", data)
    assert made.exit_code == 0, made.stderr
    masks = sorted((out / "masks").iterdir())
    assert len(masks) == 4
    assert all(len(hashlib.sha256(p.read_bytes()).hexdigest()) == 64 for p in masks)
    found = run("verify", out)
    assert found.exit_code == 0, found.output
    assert verifier.main([str(out)]) == 0, capsys.readouterr().out
