"""What stands in for a preprocessing that nobody declared and nothing suggests."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from numpy.typing import NDArray

from onnxplain.errors import UsageError
from onnxplain.graph.image_input import ImageInput
from onnxplain.inputs.preprocess import Preprocess

if TYPE_CHECKING:
    from PIL import Image

_NAME = "undeclared"


class Undeclared(Preprocess):
    """A recipe for ready inputs only: black is 0 and white is 1, and pictures are refused."""

    @classmethod
    def of(cls, image: ImageInput) -> Undeclared:
        """Make one for an input."""
        return cls(
            name=_NAME,
            layout=image.layout,
            size=image.size,
            color="bands",
            dtype=image.dtype,
            scale=1 / 255,
            mean=(0.0,) * image.channels,
            std=(1.0,) * image.channels,
        )

    def seen(self, image: Image.Image | NDArray[Any]) -> NDArray[Any]:
        """Refuse: any scale would be a guess that is most likely wrong."""
        raise UsageError(
            f"no preprocessing is declared for the {self.channels} channels of this model; "
            "declare it: --preprocess raw, zero-one or minus-one-one, or a file with color "
            f"'bands' and {self.channels} values of mean and std (ready inputs of shape "
            f"{self.shape} need none)"
        )
