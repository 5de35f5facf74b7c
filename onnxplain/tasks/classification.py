"""An opened classifier: read pictures, predict, resolve targets."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from onnxplain.errors import UsageError
from onnxplain.inputs.picture import Picture, read_picture
from onnxplain.inputs.preprocess import Preprocess
from onnxplain.network.network import Network
from onnxplain.targets.classes import Kind, Target, class_index
from onnxplain.targets.request import TargetLike, TargetRequest, read_target
from onnxplain.targets.scores import class_scores
from onnxplain.tasks.prediction import KINDS, Prediction, read_class, targets_of

if TYPE_CHECKING:
    from onnxplain.inputs.picture import ImageLike


class Classifier:
    """What an ONNX classifier says about a picture, and which of it is meant.

    Attributes
    ----------
    network : Network
        Graph and engines.
    preprocess : Preprocess
        How pictures become inputs.
    labels : list of str
        Class names; empty if unknown.
    name, sha256 : str
        Of the file; no digest if no file holds the graph.
    warnings : list of str
        What was guessed or contradicts itself.
    sources : dict of str to str
        Where preprocessing and labels came from.
    """

    def __init__(
        self,
        network: Network,
        preprocess: Preprocess,
        labels: list[str],
        *,
        name: str,
        sha256: str,
        sources: Mapping[str, str],
        warnings: Iterable[str] = (),
    ) -> None:
        self.network = network
        self.preprocess = preprocess
        self.labels = labels
        self.name = name
        self.sha256 = sha256
        self.sources = dict(sources)
        self.warnings = list(warnings)

    def read(self, image: ImageLike) -> Picture:
        """Turn a path, a Pillow image or an array into a model input."""
        return read_picture(image, self.preprocess, self.network.image)

    def predict(self, image: ImageLike | Picture, *, position: tuple[int, ...] = ()) -> Prediction:
        """Run the model on one picture.

        Parameters
        ----------
        image : path, PIL.Image.Image, array or Picture
            See `read_picture`.
        position : tuple of int
            Where a dense output is read; see `OutputAxes.position`.

        Raises
        ------
        NumericalError
            If an output is NaN or infinite.
        UsageError
            If the output is dense and there is no position, or the other way round.
        """
        picture = image if isinstance(image, Picture) else self.read(image)
        network, head = self.network, self.network.head
        place = network.output_axes.position(position)
        names = list(dict.fromkeys([head.logits, head.output]))
        values = network.ort.activations(picture.x, names)
        readers = [read_class(network, kind, place) for kind in KINDS]
        scores = [class_scores(values[r.tensor], r)[0] for r in readers]
        return Prediction(scores[0], scores[1], scores[2], place)

    def target(
        self,
        name: TargetLike,
        prediction: Prediction,
        *,
        kind: Kind = "logit",
        contrast: str | int | None = None,
        margin: bool = False,
    ) -> Target:
        """Resolve one target; see `onnxplain.targets.request.read_target` for what can be said.

        Raises
        ------
        UsageError
            If there is no such target, or the name stands for several ones.
        """
        against = self._against(contrast)
        wanted = self.wanted(name, prediction.position)
        found = targets_of(self.network, self.labels, wanted, prediction, kind, against, margin)
        if len(found) != 1:
            raise UsageError(f"{name!r} stands for {len(found)} targets; give them as `targets`")
        return found[0]

    def resolve(
        self,
        picture: Picture,
        names: Sequence[TargetLike | Target],
        prediction: Prediction | None = None,
        *,
        kind: Kind = "logit",
        contrast: str | int | None = None,
        margin: bool = False,
    ) -> dict[Target, Prediction]:
        """Resolve several targets, each once, with what the model says at its position.

        Parameters
        ----------
        picture : Picture
            The picture.
        names : sequence of str, int, TargetRequest, Target or None
            See `onnxplain.targets.request.read_target`; ``None`` is the most probable class, and a
            `Target` is taken as it is.
        prediction : Prediction, optional
            What `predict` returned, to spare the repetition.
        kind, contrast, margin
            See `Target`.

        Raises
        ------
        UsageError
            If there is no such class or position, or parts of a target exclude each other.
        """
        against = self._against(contrast)
        known = {} if prediction is None else {prediction.position: prediction}
        found: dict[Target, Prediction] = {}
        for name in names:
            default = prediction.position if prediction else ()
            one = name if isinstance(name, Target) else self.wanted(name, default)
            if one.position not in known:
                known[one.position] = self.predict(picture, position=one.position)
            said = known[one.position]
            aims = (
                targets_of(self.network, self.labels, one, said, kind, against, margin)
                if isinstance(one, TargetRequest)
                else [one]
            )
            found.update(dict.fromkeys(aims, said))
        return found

    def _against(self, contrast: str | int | None) -> int | None:
        if contrast is None:
            return None
        return class_index(contrast, self.labels, self.network.classes)

    def wanted(self, name: TargetLike, position: tuple[int, ...] = ()) -> TargetRequest:
        """Read what a person asks for, and check its class and position.

        Parameters
        ----------
        name : str, int, TargetRequest or None
            See `onnxplain.targets.request.read_target`.
        position : tuple of int
            Place in a dense output, where the name says none.

        Raises
        ------
        UsageError
            If there is no such class or position.
        """
        axes = self.network.output_axes
        said = (
            name
            if isinstance(name, TargetRequest)
            else read_target(name, self.labels, axes.classes)
        )
        return replace(said, position=axes.position(said.position or position))
