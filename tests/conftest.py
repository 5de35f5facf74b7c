"""Fixtures that more than one folder of tests uses."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from onnxplain.convert.torchvision_guard import import_onnx2torch

# zennit and pytorch-grad-cam import torchvision too, which has to be met first.
import_onnx2torch()
# Two threads on a machine that is shared wait for each other: measured 20 times slower.
torch.set_num_threads(1)


@pytest.fixture
def rng() -> np.random.Generator:
    """Random numbers that are the same in every run."""
    return np.random.default_rng(0)
