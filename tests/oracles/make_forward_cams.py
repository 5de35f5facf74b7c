"""Store what pytorch-grad-cam's forward-only methods say about the test networks.

::

    pip install --no-deps grad-cam==1.5.7 ttach==0.0.3 opencv-python-headless
    PYTHONPATH=.:tests python tests/oracles/make_forward_cams.py

Its Score-CAM enlarges feature maps with corners aligned, where the authors' code
(``scorecam.py`` of haofanwang/Score-CAM) does not; here it is made to do as the authors.
"""

import json
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path

import torch
from torch import nn

from tests.oracles.make_grad_cam import TARGET, raw_map

from pytorch_grad_cam import AblationCAM, ScoreCAM  # isort: skip

FILE = Path(__file__).with_name("forward_cams.json")
# Score-CAM of the photo network would run it 1280 times.
METHODS = {
    "score-cam": (ScoreCAM, ("vgg", "resnet", "mobilenet")),
    "ablation-cam": (AblationCAM, ("vgg", "resnet", "mobilenet", "lite0")),
}


def corners_apart(size: tuple[int, int]) -> Callable[[torch.Tensor], torch.Tensor]:
    """Bilinear enlarging whose pixel centres stand at half integers."""
    return nn.Upsample(size=tuple(size), mode="bilinear", align_corners=False)


if __name__ == "__main__":
    nn.UpsamplingBilinear2d = corners_apart
    record = {
        "made_by": "PYTHONPATH=.:tests python tests/oracles/make_forward_cams.py",
        "versions": {p: version(p) for p in ("grad-cam", "torch", "numpy")},
        "targets": TARGET,
        "maps": {
            method: {name: raw_map(name, kind) for name in names}
            for method, (kind, names) in METHODS.items()
        },
    }
    FILE.write_text(json.dumps(record, indent=1) + "\n", "utf-8")
