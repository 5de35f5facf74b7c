"""Spectra of audio classifiers: Fourier transforms, windows and mel filters."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn

from onnxplain.convert.cast import torch_type
from onnxplain.convert.function import Function, integers
from onnxplain.graph.view import Node

# Coefficients of cos(2 pi k n / N).
_WINDOWS = {
    "BlackmanWindow": (0.42, -0.5, 0.08),
    "HammingWindow": (25 / 46, -21 / 46),
    "HannWindow": (0.5, -0.5),
}


def _complex(x: Tensor) -> Tensor:
    """Drop the last axis, which holds the real and perhaps the imaginary part."""
    return torch.complex(x[..., 0], x[..., 1]) if x.shape[-1] == 2 else x[..., 0]


def _spectrum(z: Tensor, length: int | None, axis: int, onesided: bool) -> Tensor:
    y = torch.fft.fft(z, length, axis)
    y = y.narrow(axis, 0, y.shape[axis] // 2 + 1) if onesided else y
    return torch.view_as_real(y)


def _transform(node: Node, x: Tensor, length: Tensor | None, axis: int) -> Tensor:
    n = None if length is None else integers(length)[0]
    axis, onesided = axis % x.dim(), bool(node.attributes.get("onesided", 0))
    if not node.attributes.get("inverse", 0):
        return _spectrum(_complex(x), n, axis, onesided)
    if onesided:
        return torch.fft.irfft(_complex(x), n, axis).unsqueeze(-1)
    return torch.view_as_real(torch.fft.ifft(_complex(x), n, axis))


def dft_17(node: Node) -> nn.Module:
    """DFT-17: the axis is an attribute."""
    axis = node.attributes.get("axis", 1)
    return Function(lambda x, length=None: _transform(node, x, length, axis))


def dft(node: Node) -> nn.Module:
    """DFT-20: the axis is an input."""

    def apply(x: Tensor, length: Tensor | None = None, axis: Tensor | None = None) -> Tensor:
        return _transform(node, x, length, -2 if axis is None else integers(axis)[0])

    return Function(apply)


def stft(node: Node) -> nn.Module:
    """STFT: spectra of windowed frames, (N, frames, bins, 2)."""
    onesided = bool(node.attributes.get("onesided", 1))

    def apply(
        x: Tensor, step: Tensor, window: Tensor | None = None, length: Tensor | None = None
    ) -> Tensor:
        # The trailing axis of a real signal is often left out.
        z = x if x.dim() == 2 else _complex(x)
        count = z.shape[1]
        if length is not None:
            count = integers(length)[0]
        elif window is not None:
            count = window.shape[0]
        frames = z.unfold(1, count, integers(step)[0])
        return _spectrum(frames if window is None else frames * window, None, 2, onesided)

    return Function(apply)


class Made(nn.Module):
    """Values made from scalars, in the element type of a buffer that follows ``.double()``."""

    like: Tensor

    def __init__(self, node: Node) -> None:
        super().__init__()
        dtype = torch_type(node, node.attributes.get("output_datatype", 1))
        self.register_buffer("like", torch.zeros((), dtype=dtype))


class Window(Made):
    """A sum of cosines.

    Parameters
    ----------
    node : Node
        Reads ``output_datatype`` and ``periodic``.
    """

    def __init__(self, node: Node) -> None:
        super().__init__(node)
        self.coefficients = _WINDOWS[node.op_type]
        self.periodic = bool(node.attributes.get("periodic", 1))

    def forward(self, size: Tensor) -> Tensor:
        """Make a window of `size` samples."""
        count = integers(size)[0]
        position = torch.arange(count, dtype=torch.float64, device=size.device)
        angle = 2 * math.pi * position / (count if self.periodic else count - 1)
        terms = [a * torch.cos(k * angle) for k, a in enumerate(self.coefficients)]
        return torch.stack(terms).sum(0).to(self.like.dtype)


def window(node: Node) -> nn.Module:
    """BlackmanWindow, HammingWindow and HannWindow."""
    return Window(node)


class MelWeightMatrix(Made):
    """Triangles over the bins of a spectrum, equally spaced in mel."""

    def forward(
        self, filters: Tensor, length: Tensor, rate: Tensor, low: Tensor, high: Tensor
    ) -> Tensor:
        """Make the matrix, (bins, filters).

        Parameters
        ----------
        filters : scalar Tensor
        length : scalar Tensor
            Of the Fourier transform, in samples.
        rate : scalar Tensor
            In samples per second.
        low, high : scalar Tensor
            First and last edge in hertz.
        """
        count, samples = integers(filters)[0], integers(length)[0]
        mels = [2595 * math.log10(1 + float(edge) / 700) for edge in (low, high)]
        # The standard divides by the number of edges, not of the gaps between them.
        edges = torch.arange(count + 2, dtype=torch.float64) * (mels[1] - mels[0]) / (count + 2)
        hertz = 700 * (10 ** ((edges + mels[0]) / 2595) - 1)
        points = ((samples + 1) * hertz / integers(rate)[0]).floor()
        left, centre, right = points[:-2], points[1:-1], points[2:]
        bins = torch.arange(samples // 2 + 1, dtype=torch.float64).unsqueeze(-1)
        rising = torch.where(centre > left, (bins - left) / (centre - left), 1)
        falling = (right - bins) / (right - centre)
        matrix = torch.where((bins >= left) & (bins <= centre), rising, 0)
        matrix = torch.where((bins >= centre) & (bins < right), falling, matrix)
        return matrix.to(self.like)


def mel_weight_matrix(node: Node) -> nn.Module:
    """MelWeightMatrix."""
    return MelWeightMatrix(node)
