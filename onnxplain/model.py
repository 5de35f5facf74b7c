"""An opened classifier: predict, resolve targets, explain."""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from onnxplain.adapters.parity import Parity, measure_parity, plain_input, require_parity
from onnxplain.errors import OnnxplainError, UsageError
from onnxplain.explanation import Explanation
from onnxplain.graph.quantised import quantisation_step
from onnxplain.graph.view import Graph
from onnxplain.lockstep import Share, in_step
from onnxplain.methods import Method, find
from onnxplain.methods.parameters import check_parameters
from onnxplain.network import Network
from onnxplain.picture import Picture, read_picture, sample_picture
from onnxplain.prediction import KINDS, Prediction, read_class, targets_of
from onnxplain.preprocess import Preprocess
from onnxplain.record import Run, explanation_of
from onnxplain.scores import class_scores
from onnxplain.subject import Progress, Subject, silent
from onnxplain.target import Kind, Target, class_index
from onnxplain.wanted import TargetLike, Wanted, read_target

if TYPE_CHECKING:
    from onnxplain.adapters.tensor_parity import TensorParity
    from onnxplain.picture import ImageLike


class Model:
    """An ONNX classifier, ready to be explained; made by `load`.

    Attributes
    ----------
    network : Network
        Graph and engines.
    preprocess : Preprocess
        How pictures become inputs.
    labels : list of str
        Class names; empty if unknown.
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

    def with_graph(self, graph: Graph) -> Model:
        """Return a model of the same settings for an edited copy of the graph.

        It has no digest: no file holds it.
        """
        return Model(
            self.network.with_graph(graph),
            self.preprocess,
            self.labels,
            name=f"{self.name} (edited)",
            sha256="",
            sources=self.sources,
            warnings=self.warnings,
        )

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
        """Resolve one target; see `onnxplain.wanted.read_target` for what can be said.

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
        names : sequence of str, int, Wanted, Target or None
            See `onnxplain.wanted.read_target`; ``None`` is the most probable class, and a
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
                if isinstance(one, Wanted)
                else [one]
            )
            found.update(dict.fromkeys(aims, said))
        return found

    def _against(self, contrast: str | int | None) -> int | None:
        if contrast is None:
            return None
        return class_index(contrast, self.labels, self.network.classes)

    def wanted(self, name: TargetLike, position: tuple[int, ...] = ()) -> Wanted:
        """Read what a person asks for, and check its class and position.

        Parameters
        ----------
        name : str, int, Wanted or None
            See `onnxplain.wanted.read_target`.
        position : tuple of int
            Place in a dense output, where the name says none.

        Raises
        ------
        UsageError
            If there is no such class or position.
        """
        axes = self.network.output_axes
        said = name if isinstance(name, Wanted) else read_target(name, self.labels, axes.classes)
        return replace(said, position=axes.position(said.position or position))

    def explain(
        self,
        image: ImageLike | Picture,
        method: str = "grad-cam",
        target: TargetLike | Target = None,
        **options: Any,
    ) -> Explanation:
        """Explain one target of one picture by one method.

        Parameters
        ----------
        image : path, PIL.Image.Image, array or Picture
            See `read_picture`.
        method : str
            A name in the registry (``onnxplain.methods.registered()`` lists them).
        target : str or int, optional
            Class name or index and more, see `onnxplain.wanted.read_target`; the most
            probable class if not given.
        **options
            See `explain_targets`.

        Returns
        -------
        Explanation

        Raises
        ------
        OnnxplainError
            See `onnxplain.errors`.
        """
        found = self.explain_targets(image, method, [target], **options)
        if len(found) != 1:
            raise UsageError(f"{target!r} stands for {len(found)} targets; use explain_targets")
        return found[0]

    def explain_targets(
        self,
        image: ImageLike | Picture,
        method: str = "grad-cam",
        targets: Sequence[TargetLike | Target] = (None,),
        *,
        progress: Progress | None = None,
        **options: Any,
    ) -> list[Explanation]:
        """Explain several targets of one picture; they share their forward passes.

        Parameters
        ----------
        image, method
            See `explain`.
        targets : sequence of str, int, Target or None
            Each as in `explain`; ``top-3`` stands for three.
        progress : callable, optional
            Called with (steps done, steps in all).
        **options
            See `attempt_targets`.

        Returns
        -------
        list of Explanation
            One for each target, each target once.

        Raises
        ------
        OnnxplainError
            See `onnxplain.errors`.
        """
        found = []
        for outcome in self.attempt_targets(image, method, targets, progress=progress, **options):
            if isinstance(outcome, OnnxplainError):
                raise outcome
            found.append(outcome)
        return found

    def attempt_targets(
        self,
        image: ImageLike | Picture,
        method: str,
        targets: Sequence[TargetLike | Target],
        *,
        kind: Kind | None = None,
        contrast: str | int | None = None,
        margin: bool = False,
        seed: int = 0,
        allow_mismatch: bool = False,
        progress: Progress | None = None,
        prediction: Prediction | None = None,
        **parameters: Any,
    ) -> list[Explanation | OnnxplainError]:
        """Do as `explain_targets`, but return the error of a target that cannot be explained.

        Parameters
        ----------
        image, method, targets, progress
            See `explain_targets`.
        kind : {"logit", "probability", "raw"}, optional
            Which score is explained; the method's own choice if not given.
        contrast : str or int, optional
            A class whose score is subtracted.
        margin : bool
            Subtract the largest score of any other class.
        seed : int
            Seed of random draws.
        allow_mismatch : bool
            Explain the converted model even if it disagrees with ONNX Runtime; the
            record says so.
        prediction : Prediction, optional
            What `predict` returned for this picture, to spare the repetition.
        **parameters
            Parameters of the method.

        Raises
        ------
        OnnxplainError
            If no target can be explained: a wrong name, picture or parameter.
        """
        chosen = find(method)
        values = check_parameters(chosen, parameters)
        picture = image if isinstance(image, Picture) else self.read(image)
        options: dict[str, Any] = {"contrast": contrast, "margin": margin}
        aims = self.resolve(picture, targets, prediction, kind=kind or chosen.explains, **options)
        if not aims:
            raise UsageError("there is no target to explain")
        said = prediction or next(iter(aims.values()))
        parity = self.check_parity(chosen, picture, said, allow_mismatch).parity
        subject = Subject(self.network, self.preprocess, seed, progress or silent)

        def work(aim: Target, subject: Subject, share: Share) -> Explanation:
            started = time.perf_counter()
            found = chosen.function(replace(subject, share=share), picture.x, aim, **values)
            run = Run(chosen, values, seed, time.perf_counter() - started)
            said = replace(aims[aim], parity=parity)
            return explanation_of(self, run, picture, aim, said, found)

        # The steps of the first target stand for those of all, which take turns.
        subjects = [subject, *[replace(subject, progress=silent)] * (len(aims) - 1)]
        return in_step([partial(work, a, s) for a, s in zip(aims, subjects, strict=True)])

    def check_parity(
        self, method: Method, picture: Picture, prediction: Prediction, allow_mismatch: bool = False
    ) -> Prediction:
        """Compare the engines on this picture if the method runs in PyTorch.

        Returns
        -------
        Prediction
            With `Prediction.parity` filled in.

        Raises
        ------
        ParityError
            If they disagree, or the output hardly depends on the picture, and
            `allow_mismatch` is not set.
        """
        if method.runs_on == "ONNX Runtime":
            return prediction
        if prediction.parity is None:
            prediction = replace(prediction, parity=self.measure_parity(picture))
        assert prediction.parity is not None
        if not allow_mismatch:
            require_parity(prediction.parity)
        return prediction

    def compare_tensors(self, picture: Picture) -> list[TensorParity]:
        """Compare ONNX Runtime and PyTorch at every tensor; see `compare_tensors`."""
        from onnxplain.adapters.tensor_parity import compare_tensors

        network = self.network
        return compare_tensors(
            network.graph, network.ort_as_written, network.torch, self._with_plain(picture)
        )

    def measure_parity(self, picture: Picture) -> Parity:
        """Compare ONNX Runtime and PyTorch at the logits; see `measure_parity`."""
        network, tensor = self.network, self.network.head.logits
        return measure_parity(
            network.ort,
            lambda: network.ort_as_written,
            network.torch,
            self._with_plain(picture),
            tensor,
            quantisation_step(network.graph, tensor),
        )

    def _with_plain(self, picture: Picture) -> tuple[NDArray[Any], NDArray[Any]]:
        plain = plain_input(picture.x, self.network.image)
        if np.array_equal(plain, picture.x):  # a picture of one colour is told from another one
            plain = sample_picture(self.preprocess).x
        return picture.x, plain
