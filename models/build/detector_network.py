"""A small detector in the form of YOLOv8: three scales, no anchors, sides as expected bins.

Written from scratch after the published description of the form: boxes by distribution focal
regression (Li et al. 2020, arXiv:2006.04388), two branches for each scale.
"""

import torch
from torch import Tensor, nn
from torch.nn import functional

STRIDES = (8, 16, 32)
# Channels of the two early stages and of the three scales.
EARLY, SCALES = (12, 24), (24, 32, 40)
BRANCH = 16
# A side lies 0..7 strides away from the centre of its cell.
BINS = 8
# An untrained cell says "nothing": one cell in a hundred holds an object.
FIRST_BIAS = -4.6


def unit(inputs: int, outputs: int, kernel: int = 3, stride: int = 1) -> nn.Sequential:
    """Convolution, BatchNorm (the exporter folds it), SiLU."""
    convolution = nn.Conv2d(inputs, outputs, kernel, stride, kernel // 2, bias=False)
    return nn.Sequential(convolution, nn.BatchNorm2d(outputs), nn.SiLU())


class Stage(nn.Module):
    """Half of the channels through a residual pair of convolutions, all joined again."""

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        self.half = outputs // 2
        self.enter = unit(inputs, outputs, kernel=1)
        self.inner = nn.Sequential(unit(self.half, self.half), unit(self.half, self.half))
        self.leave = unit(outputs + self.half, outputs, kernel=1)

    def forward(self, x: Tensor) -> Tensor:
        first, second = self.enter(x).split(self.half, dim=1)
        return self.leave(torch.cat([first, second, second + self.inner(second)], dim=1))


class Detector(nn.Module):
    """From pictures (N, 3, S, S) in 0..1 to distances and class logits of all cells.

    Cells are ordered by scale, then row, then column.
    """

    def __init__(self, classes: int, side: int) -> None:
        super().__init__()
        # Fixed numbers rather than those of the maps, which the exporter would compute in the file.
        self.cells = [(side // stride) ** 2 for stride in STRIDES]
        small, middle, large = SCALES
        self.stem = nn.Sequential(unit(3, EARLY[0], stride=2), unit(*EARLY, stride=2))
        self.down8 = nn.Sequential(unit(EARLY[1], small, stride=2), Stage(small, small))
        self.down16 = nn.Sequential(unit(small, middle, stride=2), Stage(middle, middle))
        self.down32 = nn.Sequential(unit(middle, large, stride=2), Stage(large, large))
        self.up16 = Stage(large + middle, middle)
        self.up8 = Stage(middle + small, small)
        self.sides = nn.ModuleList(self._branch(c, 4 * BINS) for c in (small, middle, large))
        self.kinds = nn.ModuleList(self._branch(c, classes) for c in (small, middle, large))
        for branch in self.kinds:
            nn.init.constant_(branch[-1].bias, FIRST_BIAS)
        self.register_buffer("bins", torch.arange(BINS, dtype=torch.float32).view(1, BINS, 1, 1))

    @staticmethod
    def _branch(inputs: int, outputs: int) -> nn.Sequential:
        return nn.Sequential(unit(inputs, BRANCH), nn.Conv2d(BRANCH, outputs, 1))

    def forward(self, image: Tensor) -> tuple[Tensor, Tensor]:
        """Return distances (N, 4, P) in strides: left, top, right, bottom; logits (N, K, P)."""
        eighth = self.down8(self.stem(image))
        sixteenth = self.down16(eighth)
        maps = [eighth, sixteenth, self.down32(sixteenth)]
        maps[1] = self.up16(
            torch.cat([functional.interpolate(maps[2], scale_factor=2), maps[1]], 1)
        )
        maps[0] = self.up8(torch.cat([functional.interpolate(maps[1], scale_factor=2), maps[0]], 1))
        bins, logits = self._joined(self.sides, maps), self._joined(self.kinds, maps)
        shares = bins.reshape(-1, 4, BINS, sum(self.cells)).transpose(1, 2).softmax(dim=1)
        distances = functional.conv2d(shares, self.bins)
        return distances.reshape(-1, 4, sum(self.cells)), logits

    def _joined(self, branches: nn.ModuleList, maps: list[Tensor]) -> Tensor:
        """Channels (N, C, P) of all cells."""
        parts = [
            branch(found).reshape(-1, branch[-1].out_channels, cells)
            for branch, found, cells in zip(branches, maps, self.cells, strict=True)
        ]
        return torch.cat(parts, dim=2)


class Exported(nn.Module):
    """What the file computes: (N, 4 + K, P), centre and size in pixels, then class scores."""

    def __init__(self, detector: Detector, side: int) -> None:
        super().__init__()
        self.detector = detector
        centres, strides = cells(side)
        self.register_buffer("centres", (centres / strides).T.contiguous()[None])
        self.register_buffer("strides", strides.T.contiguous()[None])

    def forward(self, images: Tensor) -> Tensor:
        distances, logits = self.detector(images)
        before, behind = distances.split(2, dim=1)
        first, last = self.centres - before, self.centres + behind
        boxes = torch.cat([(first + last) / 2, last - first], dim=1) * self.strides
        return torch.cat([boxes, logits.sigmoid()], dim=1)


def cells(side: int) -> tuple[Tensor, Tensor]:
    """Centres (P, 2), x before y, and strides (P, 1) of all cells, in pixels."""
    centres, strides = [], []
    for stride in STRIDES:
        along = (torch.arange(side // stride, dtype=torch.float32) + 0.5) * stride
        rows, columns = torch.meshgrid(along, along, indexing="ij")
        centres.append(torch.stack([columns, rows], dim=-1).reshape(-1, 2))
        strides.append(torch.full((len(centres[-1]), 1), float(stride)))
    return torch.cat(centres), torch.cat(strides)
