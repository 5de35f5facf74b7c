"""A map that is wrong, or no number, is not let through."""

import numpy as np
import pytest

import onnxplain
from onnxplain.errors import ParityError
from onnxplain.export import check
from onnxplain.export.export import export

GAP, PICTURE = "models/digits-gap.onnx", "examples/digits/3-10.png"


@pytest.mark.parametrize("wrong", [np.nan, 1.05, 0.0])
def test_a_wrong_map_is_not_written(tmp_path, monkeypatch, wrong):
    real = check.run

    def spoilt(session, feeds, names):
        found = real(session, feeds, names)
        return {n: v * np.float32(wrong) if n == "attribution" else v for n, v in found.items()}

    monkeypatch.setattr(check, "run", spoilt)
    out = tmp_path / "out.onnx"
    with pytest.raises(ParityError, match="gradient in the file differs"):
        export(onnxplain.load(GAP), GAP, out, ["gradient"], picture=PICTURE)
    assert not out.exists()
