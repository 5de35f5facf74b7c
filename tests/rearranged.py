"""Small networks whose tensors hold the picture's places in all kinds of ways.

Each one turns a picture of 16 x 24 into positive features, `made`, that are the brighter the
brighter the picture is at their place; what follows is a 1 x 1 layer and an average. So a map
that is read at `made` or behind it has its peak where the picture has a bright mark.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import nets
import numpy as np
import onnx
import torch
from torch import Tensor, nn
from torch.nn import functional

SIZE, PATCH = (16, 24), 4
GRID = (4, 6)


def _positive(*shape: int, seed: int) -> Tensor:
    """Constants of a network; drawn while it runs, they would be drawn in the file as well."""
    return torch.rand(shape, generator=torch.Generator().manual_seed(seed)) + 0.1


_PATCHES, _WIDE = _positive(8, 3, PATCH, PATCH, seed=1), _positive(8, 8, 1, 1, seed=2)
_QUARTERS = _positive(32, 3, 2 * PATCH, 2 * PATCH, seed=3)
for _channel in range(32):
    _row, _column = (PATCH * n for n in divmod(_channel % 4, 2))
    _quarter = torch.zeros(2 * PATCH, 2 * PATCH)
    _quarter[_row : _row + PATCH, _column : _column + PATCH] = 1.0
    _QUARTERS[_channel] *= _quarter
_ORDER = torch.from_numpy(np.random.default_rng(5).permutation(24))


class Made(nn.Module):
    """A rearrangement `way`, positive weights, an average of all places, and a linear layer."""

    def __init__(self, way: Callable[[Tensor], Tensor], channels: int, places: tuple[int, ...]):
        super().__init__()
        self.way, self.places = way, places
        self.mix = nn.Parameter(_positive(channels, 6, seed=4))
        self.last = nn.Linear(6, 3)
        self.last.weight = nn.Parameter(_positive(3, 6, seed=5))

    def forward(self, x: Tensor) -> Tensor:
        made = self.way(x)
        if made.ndim == 4 and self.places == MAPS:
            mixed = functional.conv2d(made, self.mix.T[:, :, None, None])
        elif self.places == (2,):
            mixed = (made.transpose(1, 2) @ self.mix).transpose(1, 2)
        else:
            mixed = made @ self.mix
        # Squared, so that places do not only add up: their average alone says little.
        mixed = torch.relu(mixed) ** 2
        return self.last(mixed.mean(self.places))


def _brightness(x: Tensor) -> Tensor:
    """(N, 8, 4, 6) features of patches."""
    return functional.conv2d(x, _PATCHES, stride=PATCH)


def _tokens(x: Tensor) -> Tensor:
    return _brightness(x).flatten(2).transpose(1, 2)


def _lucid(x: Tensor) -> Tensor:
    n, c = x.shape[:2]
    cut = x.reshape(n, c, GRID[0], PATCH, GRID[1], PATCH)
    return cut.permute(0, 2, 4, 3, 5, 1).reshape(n, GRID[0] * GRID[1], PATCH * PATCH * c)


def _stem_of_tresnet(x: Tensor) -> Tensor:
    n, c = x.shape[:2]
    cut = x.view(n, c, GRID[0], PATCH, GRID[1], PATCH)
    return cut.permute(0, 3, 5, 1, 2, 4).reshape(n, PATCH * PATCH * c, *GRID)


def _slices(x: Tensor) -> Tensor:
    half = torch.cat([x[..., i::2, j::2] for j in (0, 1) for i in (0, 1)], 1)
    return torch.cat([half[..., i::2, j::2] for i in (0, 1) for j in (0, 1)], 1)


def _shuffled_up(x: Tensor) -> Tensor:
    """Each channel of a coarse map answers to one quarter of its patch."""
    coarse = functional.conv2d(x, _QUARTERS, stride=2 * PATCH)
    return functional.conv2d(functional.pixel_shuffle(coarse, 2), _WIDE)


def _windows(x: Tensor, *, shift: int = 0, back: bool = True) -> Tensor:
    maps = _brightness(x).permute(0, 2, 3, 1)
    if shift:
        maps = torch.roll(maps, (-shift, -shift), (1, 2))
    n, h, w, c = maps.shape
    cut = maps.view(n, h // 2, 2, w // 2, 2, c).permute(0, 1, 3, 2, 4, 5)
    if not back:
        return cut.reshape(n, h * w, c)
    inside = torch.relu(cut.reshape(-1, 4, c) @ (torch.eye(c) + 0.1))
    cut = inside.view(n, h // 2, w // 2, 2, 2, c).permute(0, 1, 3, 2, 4, 5)
    whole = cut.reshape(n, h, w, c)
    return torch.roll(whole, (shift, shift), (1, 2)) if shift else whole


def _with_registers(x: Tensor, *, front: int = 0, end: int = 0) -> Tensor:
    tokens = _tokens(x)
    n, _, c = tokens.shape
    return torch.cat([torch.ones(n, front, c), tokens, torch.ones(n, end, c)], 1)


def _turned_queries(x: Tensor) -> Tensor:
    """Attention of re-ordered tokens, joined to them as in every block."""
    tokens = _tokens(x)[:, _ORDER]
    weights = torch.softmax(tokens @ tokens.transpose(1, 2) / 50, -1)
    return tokens + 0.1 * weights @ tokens


@dataclass(frozen=True)
class Way:
    """One way to hold places: how the features are made, their channels and place axes."""

    make: Callable[[Tensor], Tensor]
    channels: int
    places: tuple[int, ...]


MAPS, TOKENS = (2, 3), (1,)
# The places follow from the graph.
DERIVED = {
    "patches of a convolution": Way(_brightness, 8, MAPS),
    "pixel unshuffle": Way(lambda x: functional.pixel_unshuffle(x, PATCH), 48, MAPS),
    "stem of TResNet": Way(_stem_of_tresnet, 48, MAPS),
    "slices joined, twice": Way(_slices, 48, MAPS),
    "unfold": Way(
        lambda x: functional.unfold(x, PATCH, stride=PATCH).view(-1, 48, *GRID), 48, MAPS
    ),
    "unfold to tokens": Way(lambda x: functional.unfold(x, PATCH, stride=PATCH), 48, (2,)),
    "patches by reshape": Way(_lucid, 48, TOKENS),
    "pixel shuffle": Way(_shuffled_up, 8, MAPS),
    "tokens": Way(_tokens, 8, TOKENS),
    "tokens, channels in front": Way(lambda x: _brightness(x).flatten(2), 8, (2,)),
    "maps from tokens": Way(lambda x: _tokens(x).transpose(1, 2).reshape(-1, 8, *GRID), 8, MAPS),
    "tokens column by column": Way(
        lambda x: _brightness(x).permute(0, 3, 2, 1).flatten(1, 2), 8, TOKENS
    ),
    "maps on their side": Way(lambda x: _brightness(x).transpose(2, 3), 8, MAPS),
    "tokens re-ordered": Way(lambda x: _tokens(x)[:, _ORDER], 8, TOKENS),
    "attention of re-ordered tokens": Way(_turned_queries, 8, TOKENS),
    "re-ordered tokens as maps": Way(
        lambda x: _tokens(x)[:, _ORDER].transpose(1, 2).reshape(-1, 8, *GRID), 8, MAPS
    ),
    "tokens backwards": Way(lambda x: _tokens(x).flip(1), 8, TOKENS),
    "maps upside down": Way(lambda x: _brightness(x).flip(2), 8, MAPS),
    "maps rolled": Way(lambda x: torch.roll(_brightness(x), (1, 2), (2, 3)), 8, MAPS),
    "windows put back": Way(_windows, 8, (1, 2)),
    "shifted windows put back": Way(lambda x: _windows(x, shift=1), 8, (1, 2)),
    "tokens window by window": Way(lambda x: _windows(x, back=False), 8, TOKENS),
    "class token in front": Way(lambda x: _with_registers(x, front=1), 8, TOKENS),
    "three tokens in front": Way(lambda x: _with_registers(x, front=3), 8, TOKENS),
    "registers at the end": Way(lambda x: _with_registers(x, front=1, end=4), 8, TOKENS),
}


def _by_matrix(x: Tensor, *, as_maps: bool = False) -> Tensor:
    """Tokens in another order by a product, which nobody sees in the graph."""
    tokens = torch.eye(24)[_ORDER] @ _tokens(x)
    return tokens.transpose(1, 2).reshape(-1, 8, *GRID) if as_maps else tokens


# Only a measurement shows them.
MEASURED = {
    "tokens by a matrix": Way(_by_matrix, 8, TOKENS),
    "maps by a matrix": Way(lambda x: _by_matrix(x, as_maps=True), 8, MAPS),
}


def _by_strength(x: Tensor) -> Tensor:
    """Tokens in an order that differs from picture to picture, as where weak ones are dropped."""
    tokens = _tokens(x)
    order = torch.topk(tokens.sum(2), 24, dim=1).indices
    return torch.gather(tokens, 1, order[..., None].expand(-1, -1, 8))


SORTED = Way(_by_strength, 8, TOKENS)


def _wrong_fold(x: Tensor) -> Tensor:
    """Rows that lie four apart are folded into the channels, not those of a patch."""
    n, c, h, w = x.shape
    cut = x.view(n, c, PATCH, h // PATCH, PATCH, w // PATCH)
    return cut.permute(0, 1, 2, 4, 3, 5).reshape(n, c * PATCH * PATCH, *GRID)


# No place of the map is one of the picture.
WRONG = {
    "rows far apart folded": Way(_wrong_fold, 48, MAPS),
    "tokens not turned": Way(lambda x: _tokens(x)[..., :6].reshape(-1, 6, *GRID), 6, MAPS),
}


def file_of(way: Way) -> onnx.ModelProto:
    """The ONNX file of a network."""
    net = Made(way.make, way.channels, way.places).eval()
    return nets.export(net, torch.rand(2, 3, *SIZE))


def marked(row: int, column: int) -> np.ndarray:
    """A dark picture, (16, 24, 3) uint8, with one bright patch of the grid of 4 x 6."""
    picture = np.full((*SIZE, 3), 20, np.uint8)
    picture[PATCH * row : PATCH * (row + 1), PATCH * column : PATCH * (column + 1)] = 235
    return picture
