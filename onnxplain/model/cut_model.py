"""A classifier as a function of a tensor inside of its graph."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from onnxplain.graph.view import Graph
from onnxplain.identity import Identity
from onnxplain.inputs.picture import Picture
from onnxplain.inputs.preprocess import Preprocess
from onnxplain.model.model import Model
from onnxplain.network.network import Network
from onnxplain.network.preprocessing_cut import after_preprocessing, preprocessing_tensor

if TYPE_CHECKING:
    from onnxplain.inputs.picture import ImageLike


def model_at(model: Model, name: str) -> Model:
    """Return a model that starts at a tensor inside of the graph's own preprocessing.

    Everything can be asked of it that can be asked of the whole; pictures are read as
    before, and maps are laid over them. Attributions are in the shape of that tensor.

    Parameters
    ----------
    model : Model
        The model of the whole file.
    name : str
        See `onnxplain.network.preprocessing_cut.preprocessing_tensor`.

    Raises
    ------
    UnknownNameError
        If it is no such tensor.
    MethodRefusedError
        If the scores depend on the picture by more than that tensor.
    """
    tensor = preprocessing_tensor(model.network, name)
    if tensor == model.network.image.name:
        return model
    return CutModel(model, *after_preprocessing(model.network, model.preprocess, tensor))


class CutModel(Model):
    """What is left of a model when its input is a tensor inside of it; see `model_at`.

    Attributes
    ----------
    whole : Model
        The model of the whole file, which reads pictures and computes that tensor.
    """

    def __init__(self, whole: Model, network: Network, preprocess: Preprocess) -> None:
        super().__init__(
            network,
            preprocess,
            whole.labels,
            name=whole.name,
            identity=whole.identity,
            sources=whole.sources,
            warnings=whole.warnings,
        )
        self.whole = whole
        self.carried = whole.carried

    def read(self, image: ImageLike) -> Picture:
        """Turn a path, a Pillow image or an array into values of the tensor."""
        picture, tensor = self.whole.read(image), self.network.image.name
        return replace(picture, x=self.whole.network.ort.activations(picture.x, [tensor])[tensor])

    def with_graph(self, graph: Graph) -> Model:
        """Return a model of the same settings for an edited copy of the rest of the graph."""
        edited = CutModel(self.whole, self.network.with_graph(graph), self.preprocess)
        edited.name, edited.identity = f"{self.name} (edited)", Identity()
        return edited
