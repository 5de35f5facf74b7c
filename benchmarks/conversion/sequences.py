"""Classifiers of text, sound, tables and video, small and with random weights."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import torch
from torch import Tensor, nn
from torch.nn import functional

_TOKENS, _LENGTH, _WIDTH, _HEADS = 60, 12, 32, 4
Inputs = dict[str, Tensor]


class Recurrent(nn.Module):
    """Two layers in both directions, and the last state classified."""

    def __init__(self, kind: type[nn.RNNBase]) -> None:
        super().__init__()
        self.layers = kind(6, 8, batch_first=True, num_layers=2, bidirectional=True)
        self.head = nn.Linear(16, 4)

    def forward(self, x: Tensor) -> Tensor:
        """Classify (N, T, 6)."""
        return self.head(self.layers(x)[0][:, -1])


class Spectrum(nn.Module):
    """Fourier transform, filters and logarithm inside of the graph, then a convolution."""

    window: Tensor
    filters: Tensor

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("window", torch.hann_window(64))
        self.register_buffer("filters", torch.rand(33, 12))
        self.layers = nn.Sequential(
            nn.Conv2d(1, 6, 3), nn.ReLU6(), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(6, 4)
        )

    def forward(self, x: Tensor) -> Tensor:
        """Classify (N, samples)."""
        z = torch.stft(x, 64, 32, window=self.window, return_complex=False, center=False)
        power = z.square().sum(-1).transpose(1, 2) @ self.filters
        return self.layers(torch.log1p(power).unsqueeze(1))


class Encoder(nn.Module):
    """BERT in small: words, positions, segments; padding is masked; the first token counts."""

    def __init__(self, layers: int = 2) -> None:
        super().__init__()
        self.words, self.kinds = nn.Embedding(_TOKENS, _WIDTH), nn.Embedding(2, _WIDTH)
        self.places = nn.Embedding(_LENGTH, _WIDTH)
        self.norm = nn.LayerNorm(_WIDTH)
        self.blocks = nn.ModuleList(
            nn.ModuleDict({
                **{k: nn.Linear(_WIDTH, _WIDTH) for k in ("q", "k", "v", "out")},
                "norm": nn.LayerNorm(_WIDTH), "norm2": nn.LayerNorm(_WIDTH),
                "wide": nn.Linear(_WIDTH, 4 * _WIDTH), "narrow": nn.Linear(4 * _WIDTH, _WIDTH),
            })
            for _ in range(layers)
        )  # fmt: skip
        self.head = nn.Linear(_WIDTH, 3)

    def forward(self, ids: Tensor, mask: Tensor, kinds: Tensor) -> Tensor:
        """Classify (N, T) tokens; the mask is one where a token is none of padding."""
        x = self.words(ids) + self.kinds(kinds) + self.places(torch.arange(ids.shape[1])[None])
        x, bias = self.norm(x), (1.0 - mask[:, None, None, :].to(x.dtype)) * -10000.0
        for block in self.blocks:
            q, k, v = (self._apart(block[name](x)) for name in "qkv")
            weights = (q @ k.transpose(-1, -2) / q.shape[-1] ** 0.5 + bias).softmax(-1)
            seen = (weights @ v).permute(0, 2, 1, 3).contiguous()
            x = block["norm"](block["out"](seen.view(*seen.shape[:2], -1)) + x)
            x = block["norm2"](block["narrow"](functional.gelu(block["wide"](x))) + x)
        return self.head(x[:, 0])

    def _apart(self, x: Tensor) -> Tensor:
        return x.view(x.shape[0], x.shape[1], _HEADS, _WIDTH // _HEADS).permute(0, 2, 1, 3)


class RootMeanSquare(nn.Module):
    """Normalisation of language models."""

    def __init__(self) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.rand(_WIDTH) + 0.5)

    def forward(self, x: Tensor) -> Tensor:
        """Divide by the root of the mean square, and scale."""
        return self.weight * (x * torch.rsqrt(x.pow(2).mean(-1, keepdim=True) + 1e-6))


class Decoder(nn.Module):
    """A language model in small: causal, two query heads to a key, gated; the last token counts."""

    angles: Tensor

    def __init__(self, layers: int = 2) -> None:
        super().__init__()
        self.words, self.norm = nn.Embedding(_TOKENS, _WIDTH), RootMeanSquare()
        half = _WIDTH // 2
        shapes = {"q": (_WIDTH, _WIDTH), "k": (_WIDTH, half), "v": (_WIDTH, half),
                  "out": (_WIDTH, _WIDTH), "gate": (_WIDTH, 64), "up": (_WIDTH, 64),
                  "down": (64, _WIDTH)}  # fmt: skip
        self.blocks = nn.ModuleList(
            nn.ModuleDict({
                **{k: nn.Linear(*shape, bias=False) for k, shape in shapes.items()},
                "norm": RootMeanSquare(), "norm2": RootMeanSquare(),
            })
            for _ in range(layers)
        )  # fmt: skip
        self.head = nn.Linear(_WIDTH, 3)
        each = 10000.0 ** (-torch.arange(0, 8, 2) / 8)
        self.register_buffer("angles", torch.arange(_LENGTH)[:, None] * torch.cat((each, each)))

    def forward(self, ids: Tensor) -> Tensor:
        """Classify (N, T) tokens."""
        x = self.words(ids)
        n, length = ids.shape
        later = torch.full((length, length), float("-inf")).triu(1)
        for block in self.blocks:
            y = block["norm"](x)
            q, k, v = (block[name](y).view(n, length, -1, 8).transpose(1, 2) for name in "qkv")
            q, k = self._turned(q), self._turned(k)
            k, v = (t[:, :, None].expand(-1, -1, 2, -1, -1).reshape(q.shape) for t in (k, v))
            seen = (q @ k.transpose(-1, -2) / 8**0.5 + later).softmax(-1) @ v
            x = x + block["out"](seen.transpose(1, 2).reshape(n, length, -1))
            y = block["norm2"](x)
            x = x + block["down"](functional.silu(block["gate"](y)) * block["up"](y))
        return self.head(self.norm(x)[:, -1])

    def _turned(self, x: Tensor) -> Tensor:
        other = torch.cat((-x[..., 4:], x[..., :4]), -1)
        return x * self.angles.cos() + other * self.angles.sin()


def _tabular() -> nn.Module:
    return nn.Sequential(
        nn.BatchNorm1d(9), nn.Linear(9, 32), nn.GELU(), nn.Linear(32, 16), nn.SELU(),
        nn.Linear(16, 8), nn.Softplus(), nn.PReLU(), nn.Linear(8, 4), nn.Softmax(-1),
    )  # fmt: skip


def _wave() -> nn.Module:
    return nn.Sequential(
        nn.Conv1d(1, 8, 9, 4), nn.BatchNorm1d(8), nn.ReLU(), nn.MaxPool1d(2),
        nn.Conv1d(8, 12, 5, dilation=2, groups=4), nn.InstanceNorm1d(12, affine=True), nn.GLU(1),
        nn.Conv1d(6, 8, 3, padding=1), nn.Tanh(), nn.AdaptiveAvgPool1d(1), nn.Flatten(),
        nn.Linear(8, 4),
    )  # fmt: skip


def _video() -> nn.Module:
    return nn.Sequential(
        nn.Conv3d(2, 6, 3, padding=1), nn.BatchNorm3d(6), nn.ReLU(), nn.MaxPool3d(2),
        nn.Conv3d(6, 8, 3, padding=1, groups=2), nn.GroupNorm(2, 8), nn.SiLU(),
        nn.AvgPool3d(2, ceil_mode=True), nn.ConvTranspose3d(8, 4, 2, stride=2),
        nn.AdaptiveMaxPool3d(1), nn.Flatten(), nn.Linear(4, 3),
    )  # fmt: skip


def _ids() -> Tensor:
    return torch.randint(1, _TOKENS, (2, _LENGTH))


def _text() -> Inputs:
    flags = torch.ones(2, _LENGTH, dtype=torch.int64)
    return {"ids": _ids(), "mask": flags, "kinds": torch.zeros_like(flags)}


SEQUENCES: Mapping[str, tuple[Callable[[], nn.Module], Callable[[], Inputs]]] = {
    "decoder": (Decoder, lambda: {"ids": _ids()}),
    "encoder": (Encoder, _text),
    "gru": (lambda: Recurrent(nn.GRU), lambda: {"x": torch.randn(2, 7, 6)}),
    "lstm": (lambda: Recurrent(nn.LSTM), lambda: {"x": torch.randn(2, 7, 6)}),
    "spectrum": (Spectrum, lambda: {"x": torch.randn(2, 640)}),
    "tabular": (_tabular, lambda: {"x": torch.randn(2, 9)}),
    "video": (_video, lambda: {"x": torch.randn(2, 2, 8, 16, 16)}),
    "wave": (_wave, lambda: {"x": torch.randn(2, 1, 400)}),
}


def calibrated(name: str) -> tuple[nn.Module, Inputs]:
    """Return a network in evaluation mode whose output depends on its input, and an input."""
    torch.manual_seed(0)
    make, example = SEQUENCES[name]
    net, inputs = make(), example()
    for parameter in net.parameters():
        if parameter.dim() > 1:
            nn.init.normal_(parameter, std=parameter[0].numel() ** -0.5)
    for module in net.modules():
        if isinstance(module, nn.modules.batchnorm._BatchNorm):
            module.momentum = None
    with torch.no_grad():
        net.train()(*(torch.randn(8, *t.shape[1:]) if t.is_floating_point() else t
                      for t in inputs.values()))  # fmt: skip
    return net.eval(), inputs
