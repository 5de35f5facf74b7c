"""An opened classifier that explains what it says."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from onnxplain.adapters.base import FORWARD_VERBS, Capability
from onnxplain.adapters.parity import Parity, measure_parity, plain_input, require_parity
from onnxplain.errors import NoSlopeError, OnnxplainError, UsageError
from onnxplain.explanations.explanation import Explanation
from onnxplain.graph.quantised import quantisation_step
from onnxplain.graph.view import Graph
from onnxplain.identity import Identity
from onnxplain.inputs.picture import Picture, sample_picture
from onnxplain.methods import Method, find
from onnxplain.methods.parameters import check_parameters
from onnxplain.model.last import Last
from onnxplain.model.made_inputs import run_method
from onnxplain.model.opened import OpenedModel, listed
from onnxplain.model.record import Run, explanation_of
from onnxplain.model.saturation import instead, noted, require_finite, saturated, vanishes
from onnxplain.network.chosen_layer import layer_tensor, layers_of
from onnxplain.network.context import Context, Progress, silent
from onnxplain.network.network import Network
from onnxplain.network.sharing import Share, run_shared
from onnxplain.targets.classes import Kind
from onnxplain.targets.request import TargetLike
from onnxplain.targets.target import Target
from onnxplain.tasks.average import averaged, require_runs
from onnxplain.tasks.prediction import Prediction
from onnxplain.text import html_table

if TYPE_CHECKING:
    from onnxplain.adapters.tensor_parity import TensorParity
    from onnxplain.inputs.picture import ImageLike


class Model(OpenedModel):
    """An ONNX model, ready to be explained; made by `load`.

    It has the attributes of an `OpenedModel`.
    """

    def __init__(self, *given: Any, **named: Any) -> None:
        super().__init__(*given, **named)
        self._parities: Last[Parity] = Last()

    def __repr__(self) -> str:
        image, answer = self.network.image, self.network.answer
        shape = "x".join("N" if d is None else str(d) for d in image.shape)
        return (
            f"<Model {self.name}: {answer.task}, scores of shape {answer.shape} from output "
            f"{answer.output!r}; picture {image.name!r}, {shape} {image.layout}>"
        )

    def _repr_html_(self) -> str:
        """Table for notebooks."""
        image, answer = self.network.image, self.network.answer
        shape = " x ".join("N" if d is None else str(d) for d in image.shape)
        rows = [
            ["picture", f"{image.name}, {shape} {image.layout}"],
            ["preprocessing", f"{self.preprocess.name} ({self.sources.get('preprocess', '')})"],
            ["answers", f"{answer.task}, from output {answer.output}"],
            ["names", f"{len(self.labels)} known" if self.labels else "not known"],
            *(["warning", text] for text in self.warnings),
        ]
        return html_table(self.name, ("", ""), rows)

    def with_graph(self, graph: Graph) -> Model:
        """Return a model of the same settings for an edited copy of the graph.

        It has no digest: no file holds it.
        """
        return Model(
            self.network.with_graph(graph),
            self.preprocess,
            self.labels,
            name=f"{self.name} (edited)",
            identity=Identity(),
            sources=self.sources,
            warnings=self.warnings,
        )

    def explain(
        self,
        image: ImageLike | Picture,
        method: str = "grad-cam",
        target: TargetLike | Target = None,
        *,
        kind: Kind | None = None,
        contrast: str | int | None = None,
        margin: bool = False,
        seed: int = 0,
        allow_mismatch: bool = False,
        average: int | None = None,
        progress: Progress | None = None,
        **parameters: Any,
    ) -> Explanation:
        """Explain one target of one picture by one method.

        Parameters
        ----------
        image : path, PIL.Image.Image, array or Picture
            See `read_picture`.
        method : str
            A name in the registry (``onnxplain.methods.registered()`` lists them).
        target : str or int, optional
            Class name or index and more, see `onnxplain.targets.request.read_target`; the most
            probable class if not given.
        kind, contrast, margin, seed, allow_mismatch, average, progress
            See `attempt_targets`.
        **parameters
            Parameters of the method.

        Returns
        -------
        Explanation

        Raises
        ------
        OnnxplainError
            See `onnxplain.errors`.
        """
        found = self.explain_targets(
            image, method, [target], kind=kind, contrast=contrast, margin=margin, seed=seed,
            allow_mismatch=allow_mismatch, average=average, progress=progress, **parameters,
        )  # fmt: skip
        if len(found) != 1:
            raise UsageError(f"{target!r} stands for {len(found)} targets; use explain_targets")
        return found[0]

    def explain_targets(
        self,
        image: ImageLike | Picture,
        method: str = "grad-cam",
        targets: TargetLike | Target | Sequence[TargetLike | Target] = (None,),
        *,
        kind: Kind | None = None,
        contrast: str | int | None = None,
        margin: bool = False,
        seed: int = 0,
        allow_mismatch: bool = False,
        average: int | None = None,
        progress: Progress | None = None,
        **parameters: Any,
    ) -> list[Explanation]:
        """Explain several targets of one picture; they share their forward passes.

        Parameters
        ----------
        image, method
            See `explain`.
        targets : str, int, Target or None, or a sequence of these
            Each as in `explain`; ``top-3`` stands for three.
        kind, contrast, margin, seed, allow_mismatch, average, progress
            See `attempt_targets`.
        **parameters
            Parameters of the method.

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
        for outcome in self.attempt_targets(
            image, method, targets, kind=kind, contrast=contrast, margin=margin, seed=seed,
            allow_mismatch=allow_mismatch, average=average, progress=progress, **parameters,
        ):  # fmt: skip
            if isinstance(outcome, OnnxplainError):
                raise outcome
            found.append(outcome)
        return found

    def attempt_targets(
        self,
        image: ImageLike | Picture,
        method: str,
        targets: TargetLike | Target | Sequence[TargetLike | Target],
        *,
        kind: Kind | None = None,
        contrast: str | int | None = None,
        margin: bool = False,
        seed: int = 0,
        allow_mismatch: bool = False,
        average: int | None = None,
        progress: Progress | None = None,
        prediction: Prediction | None = None,
        if_still: bool | None = None,
        **parameters: Any,
    ) -> list[Explanation | OnnxplainError]:
        """Do as `explain_targets`, but return the error of a target that cannot be explained.

        Parameters
        ----------
        image, method, targets
            See `explain_targets`.
        kind : {"logit", "probability", "raw"}, optional
            Which score is explained; the method's choice if not given: a probability, or for most
            the logit, minus the mean of all others where classes compete.
        contrast : str or int, optional
            A class whose score is subtracted.
        margin : bool
            Subtract the largest score of any other class.
        seed : int
            Seed of random draws.
        allow_mismatch : bool
            Explain the converted model even if it disagrees with ONNX Runtime; the
            record says so.
        average : int, optional
            Runs of a file that draws random numbers, for the mean map and the map
            ``standard_error``; any other file runs once.
        progress : callable, optional
            Called with (steps done, steps in all).
        prediction : Prediction, optional
            What `predict` returned for this picture, to spare the repetition.
        if_still : bool, optional
            Explain the logit of a class whose probability hardly moves; if not given, unless a kind
            or a ready `Target` was asked for.
        **parameters
            Parameters of the method.

        Raises
        ------
        OnnxplainError
            If no target can be explained: a wrong name, picture or parameter, or a file whose
            scores differ from run to run without `average`.
        """
        chosen = find(method)
        values = check_parameters(chosen, parameters)
        picture = image if isinstance(image, Picture) else self.read(image)
        require_runs(average)
        self.network.require_repeatable(averaged=average is not None)
        options: dict[str, Any] = {"contrast": contrast, "margin": margin, "average": average}
        options |= {"by_match": not chosen.takes_slopes, "match": chosen.compares}
        wanted, options = listed(targets), options | chosen.score(kind)
        aims = self.resolve(picture, wanted, prediction, **options)
        if not aims:
            raise UsageError("no target to explain")
        if if_still is None:
            if_still = kind is None and not any(isinstance(w, Target) for w in wanted)
        said = prediction or next(iter(aims.values()))
        needs = chosen.capabilities(values)
        parity = self.check_parity(chosen, picture, said, allow_mismatch, needs=needs).parity
        context = Context(
            self.network, self.preprocess, seed, progress or silent, needs=needs,
            identity=self.identity,
        )  # fmt: skip
        late: list[Parity] = []

        def check_late() -> None:
            """Compare the engines when PyTorch takes over from ONNX Runtime, once."""
            if not late:
                late.append(self.measure_parity(picture) if said.parity is None else said.parity)
            if not allow_mismatch:
                require_parity(late[0])

        runs = average if average and self.network.is_random else 1

        def work(aim: Target, context: Context, share: Share) -> Explanation:
            started = time.perf_counter()
            own = replace(context, share=share)
            given = _with_layer(chosen, self.network, aim, values)
            score = self._score(picture, aim)
            empty = saturated(chosen, self.network, aim, score)
            try:
                found = averaged(own, lambda s: run_method(chosen, s, picture.x, aim, given), runs)
            except NoSlopeError as error:
                if empty is None:
                    raise
                raise empty from error
            if empty is not None and vanishes(found.values, self.network.precision):
                raise empty
            require_finite(chosen, found.values, aim)
            run = Run(chosen, values, seed, time.perf_counter() - started)
            here = replace(aims[aim], parity=late[0] if late else parity)
            noise = None
            if chosen.of_scores and not self.network.is_random:
                noise = partial(self._rounding.beside, self.network, picture.x, aim, score)
            made = explanation_of(self, run, picture, aim, here, score, found, noise)
            other = instead(self, picture, made) if if_still else None
            if other is not None:
                aims[other] = aims[aim]
                return noted(work(other, context, share), made)
            return made

        # The steps of the first target stand for those of all, which take turns.
        contexts = [context, *[replace(context, progress=silent)] * (len(aims) - 1)]
        with self.network.before_pytorch(check_late):
            return run_shared([partial(work, a, s) for a, s in zip(aims, contexts, strict=True)])

    def _score(self, picture: Picture, target: Target) -> float:
        """Value of a target on a picture, in the deployed model."""
        if set(target.tensors) <= set(self.task.tensors):  # what the prediction was read from
            return float(target.score(self._values(picture.x))[0])
        engine = self.network.adapter(Capability.FORWARD | Capability.ACTIVATIONS)
        return float(target.score(engine.activations(picture.x, target.tensors))[0])

    def check_parity(
        self,
        method: Method,
        picture: Picture,
        prediction: Prediction,
        allow_mismatch: bool = False,
        *,
        needs: Capability | None = None,
    ) -> Prediction:
        """Compare the engines on this picture if the method runs in PyTorch.

        Derivatives in ONNX Runtime are those of its own forward pass, and checked on the way.
        `needs` is what the method asks of engines with its parameters, if these are known.

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
        needs = method.needs if needs is None else needs
        if needs in FORWARD_VERBS or self.network.slopes_in_onnx(needs):
            return prediction
        if prediction.parity is None:
            prediction = replace(prediction, parity=self._parity_of(picture))
        assert prediction.parity is not None
        if not allow_mismatch:
            require_parity(prediction.parity)
        return prediction

    def _parity_of(self, picture: Picture) -> Parity:
        """Measure once for all methods that explain a picture."""
        if self.network.is_random:
            return self.measure_parity(picture)
        return self._parities.of(picture.x, lambda: self.measure_parity(picture))

    def compare_tensors(self, picture: Picture) -> list[TensorParity]:
        """Compare ONNX Runtime and PyTorch at every tensor; see `compare_tensors`."""
        from onnxplain.adapters.tensor_parity import compare_tensors

        network = self.network
        return compare_tensors(
            network.graph, network.ort_as_written, network.torch, self._with_plain(picture)
        )

    def measure_parity(self, picture: Picture) -> Parity:
        """Compare ONNX Runtime and PyTorch at the scores; see `measure_parity`.

        Where the scores stand in several tensors, the one that agrees least counts.
        """
        network = self.network
        found = [
            measure_parity(
                network.ort,
                lambda: network.ort_as_written,
                network.converted,
                self._with_plain(picture),
                tensor,
                quantisation_step(network.graph, tensor),
            )
            for tensor in network.head.tensors
        ]
        return max(found, key=lambda parity: (not parity.agrees, parity.error))

    def _with_plain(self, picture: Picture) -> tuple[NDArray[Any], NDArray[Any]]:
        plain = plain_input(picture.x, self.network.image)
        if np.array_equal(plain, picture.x):  # a picture of one colour is told from another one
            plain = sample_picture(self.preprocess).x
        return picture.x, plain


def _with_layer(
    method: Method, network: Network, target: Target, given: Mapping[str, Any]
) -> Mapping[str, Any]:
    """Name the layer in front of what is explained, if that is not the whole answer.

    Methods that take gradients look for it themselves: they see whether anything arrives there.
    """
    if not method.takes_layer or method.takes_slopes or target.origin is None:
        return given
    layers = layers_of(network, target)
    if layer_tensor(network, given.get("layer")) is not None or layers == network.layers:
        return given
    return {**given, "layer": layers[0].name}
