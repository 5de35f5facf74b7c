"""Ways of published networks to move places about and back: the layer behind keeps its grid."""

import nets
import pytest
import torch
from torch import nn
from torch.nn import functional

from onnxplain.graph.layers import spatial_layer
from onnxplain.graph.prepare import prepare
from onnxplain.network.network import Network
from onnxplain.network.placed_layer import placement

SIDE, CHANNELS = 8, 16


class Net(nn.Module):
    """Patches of 4 x 4 pixels, something in between, and an average of all places."""

    def __init__(self) -> None:
        super().__init__()
        self.stem = nn.Conv2d(3, CHANNELS, 4, 4)
        self.fc = nn.Linear(CHANNELS, 5)
        self.between()

    def between(self) -> None:
        pass

    def tokens(self, x):
        return self.stem(x).flatten(2).transpose(1, 2)


class SequenceFirst(Net):
    def between(self):
        self.encoder = nn.TransformerEncoderLayer(CHANNELS, 2, 32)

    def forward(self, x):
        return self.fc(self.encoder(self.stem(x).flatten(2).permute(2, 0, 1)).mean(0))


class MobileViT(Net):
    def between(self):
        self.encoder = nn.TransformerEncoderLayer(CHANNELS, 2, 32, batch_first=True)
        self.last = nn.Conv2d(CHANNELS, CHANNELS, 3, padding=1)

    def forward(self, x):
        f = self.stem(x)
        n, c, h, w = f.shape
        rows, columns = h // 2, w // 2
        y = f.reshape(n * c * rows, 2, columns, 2).transpose(1, 2)
        y = y.reshape(n, c, rows * columns, 4).transpose(1, 3).reshape(n * 4, rows * columns, c)
        y = self.encoder(y).view(n, 4, rows * columns, c).transpose(1, 3)
        y = y.reshape(n * c * rows, columns, 2, 2).transpose(1, 2).reshape(n, c, h, w)
        return self.fc(torch.relu(self.last(y)).mean((2, 3)))


class AttentionOfChannels(Net):
    def between(self):
        self.qkv = nn.Linear(CHANNELS, 3 * CHANNELS)

    def forward(self, x):
        f = self.stem(x)
        n, c, h, w = f.shape
        tokens = f.flatten(2).transpose(1, 2)
        q, k, v = self.qkv(tokens).reshape(n, h * w, 3, 2, c // 2).permute(2, 0, 3, 4, 1).unbind(0)
        y = torch.softmax(q @ k.transpose(-1, -2), -1) @ v
        y = y.permute(0, 3, 1, 2).reshape(n, h * w, c).transpose(1, 2).reshape(n, c, h, w)
        return self.fc(torch.relu(y).mean((2, 3)))


class SegFormer(Net):
    def between(self):
        self.q, self.kv = nn.Linear(CHANNELS, CHANNELS), nn.Linear(CHANNELS, 2 * CHANNELS)
        self.fewer = nn.Conv2d(CHANNELS, CHANNELS, 2, 2)
        self.depth = nn.Conv2d(CHANNELS, CHANNELS, 3, padding=1, groups=CHANNELS)

    def forward(self, x):
        f = self.stem(x)
        n, c, h, w = f.shape
        tokens = f.flatten(2).transpose(1, 2)
        q = self.q(tokens).reshape(n, -1, 2, c // 2).permute(0, 2, 1, 3)
        few = self.fewer(tokens.permute(0, 2, 1).reshape(n, c, h, w)).reshape(n, c, -1)
        kv = self.kv(few.permute(0, 2, 1)).reshape(n, -1, 2, 2, c // 2).permute(2, 0, 3, 1, 4)
        y = (torch.softmax(q @ kv[0].transpose(-2, -1), -1) @ kv[1]).transpose(1, 2)
        tokens = tokens + y.reshape(n, -1, c)
        y = self.depth(tokens.transpose(1, 2).view(n, c, h, w)).flatten(2).transpose(1, 2)
        maps = y.reshape(n, h, w, c).permute(0, 3, 1, 2)
        return self.fc(torch.relu(maps.contiguous()).mean((2, 3)))


class Mixer(Net):
    def between(self):
        places = SIDE * SIDE
        self.mix = nn.Sequential(nn.Linear(places, 32), nn.GELU(), nn.Linear(32, places))

    def forward(self, x):
        tokens = self.tokens(x)
        tokens = tokens + self.mix(tokens.transpose(1, 2)).transpose(1, 2)
        return self.fc(torch.relu(tokens).mean(1))


class ShuffledChannels(Net):
    def forward(self, x):
        f = self.stem(x)
        n, c, h, w = f.shape
        f = f.view(n, 2, c // 2, h, w).transpose(1, 2).reshape(n, c, h, w)
        return self.fc(torch.relu(f).mean((2, 3)))


class NonLocal(Net):
    def between(self):
        self.a, self.b = (nn.Conv2d(CHANNELS, 8, 1) for _ in range(2))
        self.g = nn.Conv2d(CHANNELS, CHANNELS, 1)

    def forward(self, x):
        f = self.stem(x)
        weights = torch.softmax(self.a(f).flatten(2).transpose(1, 2) @ self.b(f).flatten(2), -1)
        y = (self.g(f).flatten(2) @ weights.transpose(1, 2)).view(f.shape)
        return self.fc(torch.relu(y + f).mean((2, 3)))


class AttentionOverAGrid(Net):
    def forward(self, x):
        f = self.stem(x).permute(0, 2, 3, 1)
        n, h, w, c = f.shape
        cut = f.view(n, 4, h // 4, 4, w // 4, c).permute(0, 2, 4, 1, 3, 5).reshape(-1, 16, c)
        inside = (torch.relu(cut) + 1).view(n, h // 4, w // 4, 4, 4, c)
        return self.fc(inside.permute(0, 3, 1, 4, 2, 5).reshape(n, h, w, c).mean((1, 2)))


class Strip(Net):
    def forward(self, x):
        return self.fc(torch.relu(self.stem(x).mean(2, keepdim=True)).mean((2, 3)))


class TokensInTokens(Net):
    def between(self):
        self.inner, self.small = nn.Conv2d(3, 4, 7, 2, 3), nn.Linear(4, 4)
        self.project = nn.Linear(64, CHANNELS)

    def forward(self, x):
        cut = functional.unfold(self.inner(x), 4, stride=4)
        n, _, count = cut.shape
        pixels = cut.transpose(1, 2).reshape(n * count, 4, 16).transpose(1, 2)
        pixels = pixels + self.small(pixels)
        return self.fc(torch.relu(self.project(pixels.reshape(n, count, 64))).mean(1))


WANTED = {
    SequenceFirst: ("LNC", (8, 8)),
    MobileViT: ("NCHW", (8, 8)),
    AttentionOfChannels: ("NCHW", (8, 8)),
    SegFormer: ("NCHW", (8, 8)),
    Mixer: ("NLC", (8, 8)),
    ShuffledChannels: ("NCHW", (8, 8)),
    NonLocal: ("NCHW", (8, 8)),
    AttentionOverAGrid: ("NHWC", (8, 8)),
    Strip: ("NCHW", (1, 8)),
    TokensInTokens: ("NLC", (4, 4)),
}


@pytest.mark.parametrize("kind", WANTED, ids=lambda kind: kind.__name__)
def test_the_last_layer_has_its_grid_in_order(kind):
    axes, grid = WANTED[kind]
    torch.manual_seed(0)
    proto = nets.export(kind().eval(), torch.randn(2, 3, 32, 32), folded=True)
    network = Network(prepare(proto))
    averaged = [n for n in network.graph.nodes if n.op_type in ("ReduceMean", "GlobalAveragePool")]
    tensor = averaged[-1].inputs[0]
    found = spatial_layer(network.graph, network.shapes, network.axes, tensor)
    assert found is not None
    assert ("".join(found.axes), found.grid, found.order) == (axes, grid, None)
    assert tensor not in network.axes.guessed
    assert placement(network, found).verdict == "agrees"
