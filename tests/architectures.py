"""Small PyTorch networks, one for each way of building classifiers."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor, nn

SIDE = 32
CLASSES = 5


class VggLike(nn.Module):
    """Convolutions in pairs, max pooling, three linear layers."""

    def __init__(self, channels: int = 8) -> None:
        super().__init__()
        self.features = nn.Sequential(
            nn.Conv2d(3, channels, 3, padding=1),
            nn.ReLU(),
            nn.Conv2d(channels, channels, 3, padding=1),
            nn.ReLU(),
            nn.MaxPool2d(2),
            nn.Conv2d(channels, 2 * channels, 3, padding=1),
            nn.ReLU(),
            nn.Conv2d(2 * channels, 2 * channels, 3, padding=1),
            nn.ReLU(),
            nn.MaxPool2d(2),
        )
        self.head = nn.Sequential(
            nn.Flatten(),
            nn.Linear(2 * channels * (SIDE // 4) ** 2, 32),
            nn.ReLU(),
            nn.Linear(32, 32),
            nn.ReLU(),
            nn.Linear(32, CLASSES),
        )

    def forward(self, image: Tensor) -> Tensor:
        return self.head(self.features(image))


class BasicBlock(nn.Module):
    """Two convolutions with a shortcut, as in ResNet-18."""

    def __init__(self, inputs: int, outputs: int, stride: int = 1) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(inputs, outputs, 3, stride, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(outputs)
        self.relu1 = nn.ReLU()
        self.conv2 = nn.Conv2d(outputs, outputs, 3, 1, 1, bias=False)
        self.bn2 = nn.BatchNorm2d(outputs)
        self.shortcut = nn.Sequential()
        if stride != 1:
            self.shortcut = nn.Sequential(
                nn.Conv2d(inputs, outputs, 1, stride, bias=False), nn.BatchNorm2d(outputs)
            )
        self.relu2 = nn.ReLU()

    def forward(self, x: Tensor) -> Tensor:
        y = self.bn2(self.conv2(self.relu1(self.bn1(self.conv1(x)))))
        return self.relu2(y + self.shortcut(x))


class ResNetLike(nn.Module):
    """Stem, two residual blocks, global average pooling, one linear layer."""

    def __init__(self) -> None:
        super().__init__()
        self.stem = nn.Sequential(
            nn.Conv2d(3, 8, 3, 2, 1, bias=False),
            nn.BatchNorm2d(8),
            nn.ReLU(),
            nn.MaxPool2d(3, 2, 1),
        )
        self.layer1 = BasicBlock(8, 8)
        self.layer2 = BasicBlock(8, 16, 2)
        self.pool = nn.AdaptiveAvgPool2d(1)
        self.flatten = nn.Flatten()
        self.fc = nn.Linear(16, CLASSES)

    def forward(self, image: Tensor) -> Tensor:
        return self.fc(self.flatten(self.pool(self.layer2(self.layer1(self.stem(image))))))


class InvertedBottleneck(nn.Module):
    """Expand, filter depthwise, project; with a shortcut if shapes allow."""

    def __init__(self, inputs: int, outputs: int, stride: int) -> None:
        super().__init__()
        width = 3 * inputs
        self.residual = stride == 1 and inputs == outputs
        self.body = nn.Sequential(
            nn.Conv2d(inputs, width, 1, bias=False),
            nn.BatchNorm2d(width),
            nn.ReLU6(),
            nn.Conv2d(width, width, 3, stride, 1, groups=width, bias=False),
            nn.BatchNorm2d(width),
            nn.ReLU6(),
            nn.Conv2d(width, outputs, 1, bias=False),
            nn.BatchNorm2d(outputs),
        )

    def forward(self, x: Tensor) -> Tensor:
        y = self.body(x)
        return x + y if self.residual else y


class MobileNetLike(nn.Module):
    """MobileNetV2 in small: ReLU6, depthwise convolutions, linear bottlenecks."""

    def __init__(self) -> None:
        super().__init__()
        self.features = nn.Sequential(
            nn.Conv2d(3, 8, 3, 2, 1, bias=False),
            nn.BatchNorm2d(8),
            nn.ReLU6(),
            InvertedBottleneck(8, 8, 1),
            InvertedBottleneck(8, 12, 2),
            nn.Conv2d(12, 24, 1, bias=False),
            nn.BatchNorm2d(24),
            nn.ReLU6(),
        )
        self.classifier = nn.Linear(24, CLASSES)

    def forward(self, image: Tensor) -> Tensor:
        return self.classifier(self.features(image).mean((2, 3)))


class Block(nn.Module):
    """Pre-norm transformer block with two heads."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.norm1 = nn.LayerNorm(width)
        self.qkv = nn.Linear(width, 3 * width)
        self.out = nn.Linear(width, width)
        self.norm2 = nn.LayerNorm(width)
        self.mlp = nn.Sequential(
            nn.Linear(width, 2 * width), nn.GELU(), nn.Linear(2 * width, width)
        )

    def forward(self, x: Tensor) -> Tensor:
        n, tokens, width = x.shape
        qkv = self.qkv(self.norm1(x)).reshape(n, tokens, 3, 2, width // 2)
        q, k, v = qkv.permute(2, 0, 3, 1, 4).unbind(0)
        attention = (q @ k.transpose(-2, -1) * (width // 2) ** -0.5).softmax(-1)
        x = x + self.out((attention @ v).transpose(1, 2).reshape(n, tokens, width))
        return x + self.mlp(self.norm2(x))


class ViT(nn.Module):
    """Patches of eight pixels, class token, two blocks."""

    def __init__(self, width: int = 16) -> None:
        super().__init__()
        self.patches = nn.Conv2d(3, width, 8, 8)
        self.token = nn.Parameter(torch.randn(1, 1, width))
        self.position = nn.Parameter(torch.randn(1, (SIDE // 8) ** 2 + 1, width))
        self.blocks = nn.Sequential(Block(width), Block(width))
        self.norm = nn.LayerNorm(width)
        self.head = nn.Linear(width, CLASSES)

    def forward(self, image: Tensor) -> Tensor:
        x = self.patches(image).flatten(2).transpose(1, 2)
        x = torch.cat([self.token.expand(image.shape[0], -1, -1), x], 1) + self.position
        return self.head(self.norm(self.blocks(x))[:, 0])


class SqueezeLike(nn.Module):
    """The last convolution has one map for each class, which are averaged."""

    def __init__(self) -> None:
        super().__init__()
        self.features = nn.Sequential(nn.Conv2d(3, 8, 3, 2, 1), nn.ReLU())
        self.classes = nn.Sequential(nn.Conv2d(8, CLASSES, 1), nn.ReLU(), nn.AdaptiveAvgPool2d(1))

    def forward(self, image: Tensor) -> Tensor:
        return self.classes(self.features(image)).flatten(1)


class TensorFlowLike(nn.Module):
    """Channels last: a Transpose around each convolution, mean over axes 1 and 2, Softmax."""

    def __init__(self) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(3, 6, 3, 2, 1)
        self.conv2 = nn.Conv2d(6, 12, 3, 1, 1)
        self.dense = nn.Linear(12, CLASSES)

    def forward(self, image: Tensor) -> Tensor:
        x = self.conv1(image.permute(0, 3, 1, 2)).permute(0, 2, 3, 1).relu()
        x = self.conv2(x.permute(0, 3, 1, 2)).permute(0, 2, 3, 1).relu()
        return self.dense(x.mean((1, 2))).softmax(1)


class WindowNet(nn.Module):
    """One Swin stage: linear layers within windows of 4 x 4, then back to the grid."""

    def __init__(self, width: int = 8) -> None:
        super().__init__()
        self.patches = nn.Conv2d(3, width, 4, 4)
        self.mix = nn.Linear(16, 16)
        self.norm = nn.LayerNorm(width)
        self.head = nn.Linear(width, CLASSES)

    def forward(self, image: Tensor) -> Tensor:
        x = self.patches(image).permute(0, 2, 3, 1)
        n, h, w, c = x.shape
        windows = x.reshape(n, h // 4, 4, w // 4, 4, c).permute(0, 1, 3, 2, 4, 5)
        windows = self.mix(windows.reshape(-1, 16, c).transpose(1, 2)).transpose(1, 2)
        back = windows.reshape(n, h // 4, w // 4, 4, 4, c).permute(0, 1, 3, 2, 4, 5)
        x = x + back.reshape(n, h, w, c).relu()
        return self.head(self.norm(x).mean((1, 2)))


class TwoBranches(nn.Module):
    """Two convolutions side by side; only their concatenation sees everything."""

    def __init__(self) -> None:
        super().__init__()
        self.left = nn.Conv2d(3, 6, 3, 2, 1)
        self.right = nn.Conv2d(3, 4, 5, 2, 2)
        self.fc = nn.Linear(10, CLASSES)

    def forward(self, image: Tensor) -> Tensor:
        x = torch.cat([self.left(image).relu(), self.right(image).relu()], 1)
        return self.fc(x.mean((2, 3)))


class SizeReader(nn.Module):
    """Reads the batch size at the start and a width at the end, to reshape by them."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(3, 6, 3, 2, 1)
        self.fc = nn.Linear(6, CLASSES)

    def forward(self, image: Tensor) -> Tensor:
        count = image.shape[0]
        x = self.conv(image).relu()
        pooled = x.mean((2, 3), keepdim=True)
        return self.fc(pooled.reshape(count, pooled.shape[1]))


class Mlp(nn.Module):
    """No places in the picture behind the first layer."""

    def __init__(self) -> None:
        super().__init__()
        self.layers = nn.Sequential(
            nn.Flatten(), nn.Linear(3 * SIDE * SIDE, 8), nn.ReLU(), nn.Linear(8, CLASSES)
        )

    def forward(self, image: Tensor) -> Tensor:
        return self.layers(image)


NETS: dict[str, Callable[[], nn.Module]] = {
    "vgg": VggLike,
    "resnet": ResNetLike,
    "mobilenet": MobileNetLike,
    "vit": ViT,
    "squeeze": SqueezeLike,
    "tensorflow": TensorFlowLike,
    "windows": WindowNet,
    "branches": TwoBranches,
    "sizes": SizeReader,
    "mlp": Mlp,
}
