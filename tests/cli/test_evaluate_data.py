"""The pictures to evaluate on: read from a folder, or drawn while they are needed."""

import pytest

from onnxplain.cli.evaluate_data import chosen_samples
from onnxplain.errors import UsageError

MODEL = None  # only annotated boxes ask the model
DRAWN = {"boxes": None, "variant": "colour", "decoys": False, "seed": 0}


def test_of_a_folder_so_many_evenly_spread():
    with chosen_samples("examples/digits", MODEL, masks=None, limit=2, **DRAWN) as (found, truth):
        assert truth is None
        assert [s.path.suffix for s in found] == [".png", ".png"]
        assert len({s.name for s in found}) == 2


def test_built_in_pictures_have_their_own_masks(monkeypatch):
    with (
        pytest.raises(UsageError, match="masks of their own"),
        chosen_samples("flowers", MODEL, masks="x", limit=1, **DRAWN),
    ):
        pass
