"""Occlusion on CUDA: our whole inputs, ONNX Runtime with I/O binding, and torch."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence

import numpy as np
import onnxruntime
import torch

from benchmarks.occlusion.measure import Context, alternate
from benchmarks.occlusion.networks import make
from onnxplain.adapters.ort_sessions import cuda_loads

BATCH = 64


def compare(names: Sequence[str], options: argparse.Namespace) -> None:
    """Ratios to ours; ends with a message where there is no GPU."""
    if not cuda_loads() or not torch.cuda.is_available():
        sys.exit("no GPU that both ONNX Runtime and PyTorch can use; leave --gpu out")
    print(torch.cuda.get_device_name(), "wall time")
    for name in names:
        net, proto = make(name, options.side)
        made = Context(proto, options.window, options.stride, threads=None, device="cuda")
        made.map(0, "auto")
        bound = _Bound(made, proto)
        bound.map(0)
        ratio, _, ours = alternate(
            bound.map, lambda k, made=made: made.map(k, "auto"), options.rounds, "wall"
        )
        print(f"{name:20} ours {ours:.3f} s; ONNX Runtime with I/O binding / ours {ratio}")
        if net is not None:
            net.cuda()
            _torch(net, made, 0)
            ratio, _, _ = alternate(
                lambda k, net=net, made=made: _torch(net, made, k),
                lambda k, made=made: made.map(k, "auto"),
                options.rounds, "wall",
            )  # fmt: skip
            print(f"{name:20} torch on the GPU / ours {ratio}", flush=True)


class _Bound:
    """ONNX Runtime whose inputs and outputs stay on the GPU; windows are covered there."""

    def __init__(self, made: Context, proto) -> None:
        self.made = made
        self.session = onnxruntime.InferenceSession(
            proto.SerializeToString(), providers=["CUDAExecutionProvider"]
        )
        self.output = self.session.get_outputs()[0].name

    def map(self, seed: int) -> np.ndarray:
        made, found = self.made, []
        picture = torch.from_numpy(made.picture(seed)).cuda()
        for start in range(0, len(made.windows), BATCH):
            batch = _covered(picture, made, made.windows[start : start + BATCH])
            binding = self.session.io_binding()
            binding.bind_input(
                made.image.name, "cuda", 0, np.float32, tuple(batch.shape), batch.data_ptr()
            )
            binding.bind_output(self.output, "cuda", 0)
            torch.cuda.synchronize()  # the session has a stream of its own
            self.session.run_with_iobinding(binding)
            found.append(binding.get_outputs()[0].numpy())
        return np.concatenate(found)


@torch.no_grad()
def _torch(net: torch.nn.Module, made: Context, seed: int) -> np.ndarray:
    picture, found = torch.from_numpy(made.picture(seed)).cuda(), []
    for start in range(0, len(made.windows), BATCH):
        found.append(net(_covered(picture, made, made.windows[start : start + BATCH])))
    return torch.cat(found).cpu().numpy()


def _covered(picture: torch.Tensor, made: Context, windows: np.ndarray) -> torch.Tensor:
    batch = picture.repeat(len(windows), 1, 1, 1)
    for one, (top, bottom, left, right) in zip(batch, windows.tolist(), strict=True):
        one[..., top:bottom, left:right] = 0
    return batch
