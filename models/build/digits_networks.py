"""Three small classifiers of 8 x 8 digits, one per kind of head that explanations meet."""

import torch
from torch import Tensor, nn
from torch.nn import functional

CLASSES = 10
SIDE = 8


def gap_network() -> nn.Sequential:
    """Convolutions, global average pooling, linear: the head that plain CAM needs."""
    return nn.Sequential(
        nn.Conv2d(1, 16, 3, padding=1),
        nn.ReLU(),
        nn.Conv2d(16, 16, 3, padding=1),
        nn.ReLU(),
        nn.MaxPool2d(2),
        nn.Conv2d(16, 32, 3, padding=1),
        nn.ReLU(),
        nn.AdaptiveAvgPool2d(1),
        nn.Flatten(),
        nn.Linear(32, CLASSES),
    )


def dense_network() -> nn.Sequential:
    """Convolutions with BatchNorm, then two linear layers. Returns logits; see the exporter."""
    return nn.Sequential(
        nn.Conv2d(1, 12, 3, padding=1),
        nn.BatchNorm2d(12),
        nn.ReLU(),
        nn.MaxPool2d(2),
        nn.Conv2d(12, 24, 3, padding=1),
        nn.BatchNorm2d(24),
        nn.ReLU(),
        nn.Flatten(),
        nn.Linear(24 * (SIDE // 2) ** 2, 32),
        nn.ReLU(),
        nn.Linear(32, CLASSES),
    )


class TransformerBlock(nn.Module):
    """Pre-norm self-attention and GELU perceptron, each with its residual."""

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.attention_norm = nn.LayerNorm(width)
        self.query_key_value = nn.Linear(width, 3 * width)
        self.attention_out = nn.Linear(width, width)
        self.perceptron_norm = nn.LayerNorm(width)
        self.widen = nn.Linear(width, 2 * width)
        self.narrow = nn.Linear(2 * width, width)

    def forward(self, tokens: Tensor) -> Tensor:
        tokens = tokens + self.attend(self.attention_norm(tokens))
        return tokens + self.narrow(functional.gelu(self.widen(self.perceptron_norm(tokens))))

    def attend(self, tokens: Tensor) -> Tensor:
        # -1 stands for the batch alone, so that the exported graph works for any batch.
        count, width = tokens.shape[1:]
        split = (-1, count, 3, self.heads, width // self.heads)
        query, key, value = self.query_key_value(tokens).reshape(split).permute(2, 0, 3, 1, 4)
        weights = (query @ key.transpose(-2, -1) * (width // self.heads) ** -0.5).softmax(-1)
        mixed = (weights @ value).transpose(1, 2).reshape(-1, count, width)
        return self.attention_out(mixed)


class VisionTransformer(nn.Module):
    """Sixteen 2 x 2 patches and a class token through two blocks.

    Dosovitskiy et al., ICLR 2021 (arXiv 2010.11929), at toy size.
    """

    def __init__(self, width: int = 32, heads: int = 4, depth: int = 2, patch: int = 2) -> None:
        super().__init__()
        tokens = (SIDE // patch) ** 2 + 1
        self.patches = nn.Conv2d(1, width, patch, stride=patch)
        self.class_token = nn.Parameter(torch.zeros(1, 1, width))
        self.position = nn.Parameter(torch.randn(1, tokens, width) * 0.1)
        self.blocks = nn.Sequential(*(TransformerBlock(width, heads) for _ in range(depth)))
        self.norm = nn.LayerNorm(width)
        self.classify = nn.Linear(width, CLASSES)

    def forward(self, image: Tensor) -> Tensor:
        patches = self.patches(image).flatten(2).transpose(1, 2)
        class_token = self.class_token.expand(patches.shape[0], -1, -1)
        tokens = torch.cat([class_token, patches], dim=1) + self.position
        return self.classify(self.norm(self.blocks(tokens))[:, 0])
