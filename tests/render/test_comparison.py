"""The comparison figure: a row for each photo and method, a column for each file."""

import numpy as np

from onnxplain.explanations.display import upsample
from onnxplain.render.colors import blend
from onnxplain.render.comparison import ComparedPhoto, comparison_figure
from onnxplain.render.photo import enlarged


def test_every_map_stands_in_its_row_and_column():
    rng = np.random.default_rng(0)
    files = ["a.onnx", "b.onnx"]
    photos = [
        ComparedPhoto(
            name,
            rng.integers(0, 255, (20, 30, 3)).astype(np.uint8),
            {f: f"cat {k}0%" for k, f in enumerate(files)},
            {m: {f: rng.normal(size=(9, 9)) for f in files} for m in ("grad-cam", "lrp")},
        )
        for name in ("one.png", "two.png")
    ]
    figure = comparison_figure(photos)
    panels = np.array(figure.axes[:12]).reshape(4, 3)
    assert [p.get_title() for p in panels[:, 0]] == ["one.png", "one.png", "two.png", "two.png"]
    assert [p.get_ylabel() for p in panels[:, 0]] == ["grad-cam", "lrp"] * 2
    wanted = photos[1].maps["lrp"]["b.onnx"]
    shown = np.asarray(panels[3, 2].images[0].get_array())
    photo = enlarged(photos[1].pixels)
    large = upsample(wanted / np.abs(wanted).max(), photo.shape[:2])
    np.testing.assert_array_equal(shown, blend(photo, large, "signed"))
    assert panels[3, 2].get_title() == "b.onnx\ncat 10%"
