"""Small detectors and segmenters, built as the usual ones are."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor, nn
from torch.nn import functional

from benchmarks.layers.torch_families import CAM, STAGE, Expert

CLASSES = 5


def _conv(inputs: int, outputs: int, side: int = 3, stride: int = 1) -> nn.Sequential:
    return nn.Sequential(
        nn.Conv2d(inputs, outputs, side, stride, side // 2, bias=False),
        nn.BatchNorm2d(outputs),
        nn.SiLU(),
    )


class C2f(nn.Module):
    """YOLOv8's block: half of the channels passes bottlenecks, and every step is kept."""

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        half = outputs // 2
        self.first = _conv(inputs, outputs, 1)
        self.steps = nn.Sequential(_conv(half, half), _conv(half, half))
        self.last = _conv(3 * half, outputs, 1)

    def forward(self, x: Tensor) -> Tensor:
        one, other = self.first(x).chunk(2, 1)
        return self.last(torch.cat([one, other, other + self.steps(other)], 1))


class Sppf(nn.Module):
    """Pooling over three ranges, as at the end of YOLO's backbone."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.first = _conv(channels, channels // 2, 1)
        self.pool = nn.MaxPool2d(5, 1, 2)
        self.last = _conv(2 * channels, channels, 1)

    def forward(self, x: Tensor) -> Tensor:
        steps = [self.first(x)]
        steps += [self.pool(steps[0])]
        steps += [self.pool(steps[1])]
        steps += [self.pool(steps[2])]
        return self.last(torch.cat(steps, 1))


class Backbone(nn.Module):
    """Four stages of C2f, the last one with SPPF."""

    def __init__(self) -> None:
        super().__init__()
        self.stem = nn.Sequential(_conv(3, 8, 3, 2), _conv(8, 16, 3, 2), C2f(16, 16))
        self.p3 = nn.Sequential(_conv(16, 24, 3, 2), C2f(24, 24))
        self.p4 = nn.Sequential(_conv(24, 32, 3, 2), C2f(32, 32))
        self.p5 = nn.Sequential(_conv(32, 48, 3, 2), C2f(48, 48), Sppf(48))

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        p3 = self.p3(self.stem(x))
        p4 = self.p4(p3)
        return p3, p4, self.p5(p4)


class Yolo(nn.Module):
    """Backbone, a neck that goes up and down again, a head of two branches at each of 3 scales."""

    def __init__(self) -> None:
        super().__init__()
        self.backbone = Backbone()
        self.up4, self.up3 = C2f(48 + 32, 32), C2f(32 + 24, 24)
        self.down4, self.down5 = _conv(24, 24, 3, 2), _conv(32, 32, 3, 2)
        self.neck4, self.neck5 = C2f(24 + 32, 32), C2f(32 + 48, 48)
        self.boxes = nn.ModuleList(
            nn.Sequential(_conv(c, 16), nn.Conv2d(16, 4, 1)) for c in (24, 32, 48)
        )
        self.classes = nn.ModuleList(
            nn.Sequential(_conv(c, 16), nn.Conv2d(16, CLASSES, 1)) for c in (24, 32, 48)
        )

    def forward(self, x: Tensor) -> Tensor:
        p3, p4, p5 = self.backbone(x)
        n4 = self.up4(torch.cat([functional.interpolate(p5, scale_factor=2.0), p4], 1))
        n3 = self.up3(torch.cat([functional.interpolate(n4, scale_factor=2.0), p3], 1))
        n4 = self.neck4(torch.cat([self.down4(n3), n4], 1))
        n5 = self.neck5(torch.cat([self.down5(n4), p5], 1))
        found = [
            torch.cat([box(n), kind(n).sigmoid()], 1).flatten(2)
            for box, kind, n in zip(self.boxes, self.classes, (n3, n4, n5), strict=True)
        ]
        return torch.cat(found, 2)


class Retina(nn.Module):
    """A pyramid of three scales, and one head for all of them, as in RetinaNet."""

    def __init__(self) -> None:
        super().__init__()
        self.backbone = Backbone()
        self.lateral = nn.ModuleList(nn.Conv2d(c, 16, 1) for c in (24, 32, 48))
        self.head = nn.Sequential(_conv(16, 16), nn.Conv2d(16, 4 + CLASSES, 3, 1, 1))

    def forward(self, x: Tensor) -> Tensor:
        p3, p4, p5 = (side(p) for side, p in zip(self.lateral, self.backbone(x), strict=True))
        p4 = p4 + functional.interpolate(p5, scale_factor=2.0)
        p3 = p3 + functional.interpolate(p4, scale_factor=2.0)
        return torch.cat([self.head(p).flatten(2) for p in (p3, p4, p5)], 2).transpose(1, 2)


class Unet(nn.Module):
    """Down and up again, with shortcuts at every size."""

    def __init__(self) -> None:
        super().__init__()
        self.backbone = Backbone()
        self.up4, self.up3 = _conv(48 + 32, 32), _conv(32 + 24, 24)
        self.last = nn.Conv2d(24, CLASSES, 1)

    def forward(self, x: Tensor) -> Tensor:
        p3, p4, p5 = self.backbone(x)
        p4 = self.up4(torch.cat([functional.interpolate(p5, scale_factor=2.0), p4], 1))
        p3 = self.up3(torch.cat([functional.interpolate(p4, scale_factor=2.0), p3], 1))
        return functional.interpolate(self.last(p3), scale_factor=8.0, mode="bilinear")


class TwoDepths(nn.Module):
    """Scores of an early and of the last stage are added, as in LR-ASPP."""

    def __init__(self) -> None:
        super().__init__()
        self.backbone = Backbone()
        self.high = _conv(48, 32, 1)
        self.early, self.late = nn.Conv2d(24, CLASSES, 1), nn.Conv2d(32, CLASSES, 1)

    def forward(self, x: Tensor) -> Tensor:
        p3, _, p5 = self.backbone(x)
        late = self.late(functional.interpolate(self.high(p5), scale_factor=4.0))
        return functional.interpolate(self.early(p3) + late, scale_factor=8.0)


NETWORKS: dict[str, tuple[Callable[[], nn.Module], Expert]] = {
    "FPN detector": (Retina, Expert(96, "backbone.p5", CAM)),
    "U-Net": (Unet, Expert(96, "up3", STAGE)),
    "YOLO, C2f and PAN": (Yolo, Expert(96, "backbone.p5", STAGE)),
    "scores of two depths": (TwoDepths, Expert(96, "backbone.p5", STAGE)),
}


def made(name: str) -> nn.Module:
    """Return the network of that name, with random weights."""
    torch.manual_seed(0)
    return NETWORKS[name][0]()
