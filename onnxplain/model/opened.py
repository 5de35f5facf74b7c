"""An opened model file: read pictures, predict, say what is meant by a target."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from onnxplain.adapters.base import Capability
from onnxplain.errors import UsageError
from onnxplain.graph.carried import Carried
from onnxplain.identity import Identity
from onnxplain.inputs.picture import Picture, read_picture
from onnxplain.inputs.preprocess import Preprocess
from onnxplain.model.last import Last
from onnxplain.model.noise import Rounding
from onnxplain.network.network import Network
from onnxplain.targets.boxes.parts import Match
from onnxplain.targets.classes import Kind, against_others
from onnxplain.targets.request import TargetLike, TargetRequest
from onnxplain.targets.target import Target
from onnxplain.tasks.average import require_runs
from onnxplain.tasks.boxes import Detected
from onnxplain.tasks.element import element, is_element
from onnxplain.tasks.embedding import Embedding, read_vector
from onnxplain.tasks.find import task_of
from onnxplain.tasks.prediction import Prediction, mean_of
from onnxplain.tasks.task import Task, require_plain

if TYPE_CHECKING:
    from onnxplain.inputs.picture import ImageLike


class OpenedModel:
    """What a model says about a picture, and which of it is meant.

    Attributes
    ----------
    network : Network
        Graph and engines.
    preprocess : Preprocess
        How pictures become inputs.
    task : Task
        What the model answers: classes, values, an embedding.
    name : str
        Of the file.
    identity : Identity
        Digest and files; none if no file holds the graph.
    warnings : list of str
        What was guessed or contradicts itself.
    sources : dict of str to str
        Where preprocessing, labels and task came from.
    carried : Carried or None
        Maps that the file carries because it was exported; they are none of its answers.
    """

    carried: Carried | None = None

    def __init__(
        self,
        network: Network,
        preprocess: Preprocess,
        labels: Sequence[str],
        *,
        name: str,
        identity: Identity,
        sources: Mapping[str, str],
        warnings: Iterable[str] = (),
    ) -> None:
        self.network = network
        self.preprocess = preprocess
        self.task: Task = task_of(network.answer, labels, network.shapes)
        self.name = name
        self.identity = identity
        self.sources = dict(sources)
        self.warnings = list(warnings)
        self._last: Last[dict[str, NDArray[Any]]] = Last()
        self._rounding = Rounding()

    @property
    def sha256(self) -> str:
        """Digest of the model, with all of its files; empty if it has none."""
        return self.identity.sha256

    @property
    def labels(self) -> Sequence[str]:
        """Names of the classes or values; empty if unknown."""
        return self.task.labels

    def read(self, image: ImageLike) -> Picture:
        """Turn a path, a Pillow image or an array into a model input."""
        return read_picture(image, self.preprocess, self.network.image)

    def checked_warnings(self) -> list[str]:
        """All warnings, also whether one input stands for itself, which some passes find out.

        Raises
        ------
        UnsupportedModelError
            If the scores of one input differ from run to run.
        """
        self.network.require_repeatable()
        return [*self.warnings, *self.network.independence.warnings]

    def predict(
        self,
        image: ImageLike | Picture,
        *,
        position: tuple[int, ...] = (),
        average: int | None = None,
    ) -> Prediction:
        """Run the model on one picture.

        Parameters
        ----------
        image : path, PIL.Image.Image, array or Picture
            See `read_picture`.
        position : tuple of int
            Where a dense output is read; as a whole if not given.
        average : int, optional
            Runs of a file that draws random numbers, whose mean scores are returned.

        Raises
        ------
        NumericalError
            If an output is NaN or infinite.
        UnsupportedModelError
            If the scores differ from run to run, and no average is asked for.
        UsageError
            If the output has no such position.
        """
        picture = image if isinstance(image, Picture) else self.read(image)
        require_runs(average)
        self.network.require_repeatable(averaged=average is not None)
        count = average if average and self.network.is_random else 1
        runs = [self.task.predict(self._values(picture.x), position) for _ in range(count)]
        said = runs[0] if count == 1 else mean_of(runs)
        return replace(said, frame=picture.frame) if isinstance(said, Detected) else said

    def target(
        self,
        name: TargetLike,
        prediction: Prediction,
        *,
        picture: Picture | None = None,
        kind: Kind = "logit",
        contrast: str | int | None = None,
        margin: bool = False,
        others: bool = False,
    ) -> Target:
        """Resolve one target; see `resolve`.

        Parameters
        ----------
        name, prediction, kind, contrast, margin, others
            See `resolve`.
        picture : Picture, optional
            The picture; only where a class is predicted in a dense output depends on it.

        Raises
        ------
        UsageError
            If there is no such target, or the name stands for several ones.
        """
        values = {} if picture is None else self._values(picture.x)
        found = self._targets(
            self.request(name, prediction.position), values, prediction,
            others, kind=kind, contrast=self.contrast(contrast), margin=margin,
        )  # fmt: skip
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
        others: bool = False,
        average: int | None = None,
        by_match: bool = False,
        match: Match = "score",
    ) -> dict[Target, Prediction]:
        """Resolve several targets, each once, with what the model says at its position.

        Parameters
        ----------
        picture : Picture
            The picture.
        names : sequence of str, int, TargetRequest, Target or None
            See `request`; ``None`` is the most probable class, and a `Target` is taken as it
            is.
        prediction : Prediction, optional
            What `predict` returned, to spare the repetition.
        kind : {"logit", "probability", "raw"}
            The score to explain, or the nearest that the answer has.
        contrast, margin
            See `ClassScore`.
        others : bool
            Where classes compete, subtract the mean logit of all others from that of a class,
            unless something else is subtracted or the score is no logit.
        average : int, optional
            See `predict`.
        by_match : bool
            Of a box of a detector, explain how well any box matches it, which has no slope.
        match : {"score", "likeness"}
            How boxes are compared then, where a request does not say; see `BoxMatch`.

        Raises
        ------
        UsageError
            If there is no such class or position, or parts of a target exclude each other.
        """
        against = self.contrast(contrast)
        default = prediction.position if prediction else ()
        known = {} if prediction is None else {prediction.position: prediction}
        values: Mapping[str, NDArray[Any]] = {}
        found: dict[Target, Prediction] = {}
        for name in names:
            one = name if isinstance(name, Target) else self.request(name, default)
            if isinstance(one, TargetRequest) and by_match:
                one = replace(one, by_match=True, match=one.match or match)
            position = getattr(one, "position", ())
            if position not in known or not (values or isinstance(one, Target)):
                values = self._values(picture.x)
            if position not in known:
                known[position] = self.predict(picture, position=position, average=average)
            aims: Sequence[Target] = (
                [one]
                if isinstance(one, Target)
                else self._targets(
                    one,
                    values,
                    known[position],
                    others,
                    kind=kind,
                    contrast=against,
                    margin=margin,
                )
            )
            found.update(dict.fromkeys(aims, known[position]))
        return found

    def contrast(self, name: str | int | None) -> int | None:
        """Index of a class that targets are contrasted with."""
        return None if name is None else self.task.index(name)

    def request(self, name: TargetLike, position: tuple[int, ...] = ()) -> TargetRequest:
        """Read what a person asks for, and check its class and place.

        Parameters
        ----------
        name : str, int, TargetRequest or None
            A class, value or dimension, see `onnxplain.targets.request.read_target`; an
            element ``NAME[INDEX]`` of any tensor; ``like=PICTURE`` for an embedding.
        position : tuple of int
            Place in a dense output, where the name says none.

        Raises
        ------
        UsageError
            If there is no such class or place.
        """
        if isinstance(name, TargetRequest):
            return name
        if is_element(name) and str(name).strip().lower() not in map(str.lower, self.labels):
            self._element(str(name))
            return TargetRequest(element=str(name).strip())
        said = self.task.request(name)
        if said.like:
            return replace(said, reference=self._reference(said.like))
        if said.position or said.region:
            return said
        return replace(said, position=position)

    def _targets(
        self, request: TargetRequest, values: Mapping[str, NDArray[Any]], said: Prediction,
        others: bool, **options: Any,
    ) -> list[Target]:  # fmt: skip
        if request.element:
            require_plain("an element of a tensor", options["contrast"], options["margin"])
            return [self._element(request.element)]
        found = self.task.targets(request, values, said, **options)
        competing = others and self.task.name == "classes"
        return [against_others(aim) for aim in found] if competing else found

    def _element(self, said: str) -> Target:
        return element(said, self.network.graph, self.network.shapes, self.network.image)

    def _reference(self, like: str) -> NDArray[np.float64]:
        """Return the vector that an embedding is compared with."""
        if like.lower().endswith(".npy"):
            return read_vector(like)
        assert isinstance(self.task, Embedding)
        return self.task.vector(self._values(self.read(like).x))

    def _values(self, x: NDArray[Any]) -> dict[str, NDArray[Any]]:
        engine = self.network.adapter(Capability.FORWARD | Capability.ACTIVATIONS)
        names = tuple(self.task.tensors)
        if self.network.is_random:
            return engine.activations(x, names)
        return dict(self._last.of(x, lambda: engine.activations(x, names), engine, names))


def listed(targets: TargetLike | Target | Sequence[TargetLike | Target]) -> Sequence[Any]:
    """Return one target as a list of one; a text is a target, not its letters."""
    if isinstance(targets, Sequence) and not isinstance(targets, str):
        return targets
    return [targets]
