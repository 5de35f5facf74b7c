"""Fixtures that more than one folder of tests uses."""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import Any

import numpy as np
import onnxruntime
import pytest
import torch
from instruction_sets import ORT_LEVEL

from onnxplain.convert.torchvision_guard import import_torchvision

# zennit and pytorch-grad-cam import torchvision too, which has to be met first.
import_torchvision()
# Two threads on a machine that is shared wait for each other: measured 20 times slower.
THREADS = int(os.environ.get("OMP_NUM_THREADS", "1"))
torch.set_num_threads(THREADS)


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Start with the longest tests: at the end, one worker would wait for the other."""
    items.sort(key=lambda item: "test_other_instruction_sets" not in item.name)


@pytest.fixture(scope="session", autouse=True)
def onnx_runtime_as_set() -> Iterator[None]:
    """Let the variables of `tests/instruction_sets.py` reach ONNX Runtime, which reads none."""
    original = onnxruntime.SessionOptions

    def options() -> onnxruntime.SessionOptions:
        made = original()
        if "OMP_NUM_THREADS" in os.environ:
            made.intra_op_num_threads = THREADS
        if os.environ.get(ORT_LEVEL) == "extended":
            level = onnxruntime.GraphOptimizationLevel.ORT_ENABLE_EXTENDED
            made.graph_optimization_level = level
        return made

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(onnxruntime, "SessionOptions", options)
        yield


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    """A Chromium, as tests of the marker `browser` want it."""
    playwright = pytest.importorskip("playwright.sync_api")
    with playwright.sync_playwright() as started:
        chromium = started.chromium.launch(
            executable_path=os.environ.get("ONNXPLAIN_CHROMIUM"), args=["--no-sandbox"]
        )
        yield chromium
        chromium.close()


@pytest.fixture
def rng() -> np.random.Generator:
    """Random numbers that are the same in every run."""
    return np.random.default_rng(0)
