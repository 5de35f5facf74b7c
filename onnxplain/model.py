"""An opened classifier: predict, resolve targets, explain."""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from onnxplain.adapters.parity import Parity, measure_parity, plain_input, require_parity
from onnxplain.errors import UsageError
from onnxplain.explanation import Attribution, Explanation
from onnxplain.graph.quantised import quantisation_step
from onnxplain.graph.view import Graph
from onnxplain.methods import Method, find
from onnxplain.methods.parameters import check_parameters
from onnxplain.network import Network
from onnxplain.picture import Picture, read_picture, sample_picture
from onnxplain.preprocess import Preprocess
from onnxplain.provenance import versions
from onnxplain.scores import class_scores
from onnxplain.subject import Progress, Subject
from onnxplain.target import Kind, Target, class_index

if TYPE_CHECKING:
    from onnxplain.adapters.tensor_parity import TensorParity
    from onnxplain.picture import ImageLike

# Classes whose names an explanation keeps, the most probable first.
_NAMED_CLASSES = 20


@dataclass(frozen=True)
class Prediction:
    """What the model says about one picture.

    Attributes
    ----------
    logits, probabilities : (K,) array
        Scores of all classes before and after the final Softmax or Sigmoid.
    parity : Parity or None
        Agreement of the two engines, once a method has needed PyTorch.
    """

    logits: NDArray[np.float64]
    probabilities: NDArray[np.float64]
    parity: Parity | None = None


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

    def predict(self, image: ImageLike | Picture) -> Prediction:
        """Run the model on one picture.

        Raises
        ------
        NumericalError
            If an output is NaN or infinite.
        """
        picture = image if isinstance(image, Picture) else self.read(image)
        head, classes = self.network.head, self.network.classes
        names = list(dict.fromkeys([head.logits, head.output]))
        values = self.network.ort.activations(picture.x, names)
        scores = []
        for kind in ("logit", "probability"):
            tensor, activation = self.network.read(kind)
            scores.append(class_scores(values[tensor], classes, activation, tensor)[0])
        return Prediction(*scores)

    def target(
        self,
        name: str | int | None,
        prediction: Prediction,
        *,
        kind: Kind = "logit",
        contrast: str | int | None = None,
    ) -> Target:
        """Resolve a class name or index; without one, the most probable class.

        Raises
        ------
        UsageError
            If there is no such class.
        """
        classes = self.network.classes
        if name is None:
            index = int(prediction.probabilities.argmax())
        else:
            index = class_index(name, self.labels, classes)
        against = None if contrast is None else class_index(contrast, self.labels, classes)
        if against == index:
            raise UsageError(f"class {index} cannot be contrasted with itself")
        tensor, activation = self.network.read(kind)
        label = self.labels[index] if self.labels else ""
        return Target(index, kind, tensor, activation, classes, against, label)

    def explain(
        self,
        image: ImageLike | Picture,
        method: str = "grad-cam",
        target: str | int | None = None,
        *,
        kind: Kind | None = None,
        contrast: str | int | None = None,
        seed: int = 0,
        allow_mismatch: bool = False,
        progress: Progress | None = None,
        prediction: Prediction | None = None,
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
            Class name or index; the most probable class if not given.
        kind : {"logit", "probability"}, optional
            Which score is explained; the method's own choice if not given.
        contrast : str or int, optional
            A class whose score is subtracted.
        seed : int
            Seed of random draws.
        allow_mismatch : bool
            Explain the converted model even if it disagrees with ONNX Runtime; the
            record says so.
        progress : callable, optional
            Called with (steps done, steps in all).
        prediction : Prediction, optional
            What `predict` returned for this picture, to spare the repetition.
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
        chosen = find(method)
        values = check_parameters(chosen, parameters)
        picture = image if isinstance(image, Picture) else self.read(image)
        prediction = prediction or self.predict(picture)
        aim = self.target(target, prediction, kind=kind or chosen.explains, contrast=contrast)
        prediction = self.check_parity(chosen, picture, prediction, allow_mismatch)
        subject = Subject(self.network, self.preprocess, seed)
        if progress is not None:
            subject = replace(subject, progress=progress)
        started = time.perf_counter()
        found = chosen.function(subject, picture.x, aim, **values)
        seconds = time.perf_counter() - started
        return self._wrap(chosen, values, picture, aim, prediction, found, seconds, seed)

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

    def _wrap(
        self,
        method: Method,
        parameters: Mapping[str, Any],
        picture: Picture,
        target: Target,
        prediction: Prediction,
        found: Attribution,
        seconds: float,
        seed: int,
    ) -> Explanation:
        scores = prediction.logits if target.kind == "logit" else prediction.probabilities
        measures = {k: float(v[0]) for k, v in found.measures.items()}
        notes = dict(found.notes)
        uses_torch = method.runs_on == "PyTorch"
        if prediction.parity is not None and uses_torch:
            measures["parity_error"] = prediction.parity.error
            measures["parity_tolerance"] = prediction.parity.tolerance
            notes["parity_tolerance_from"] = prediction.parity.basis
        engine = self.network.adapter(method.needs)
        order = np.argsort(-prediction.probabilities, kind="stable")[:_NAMED_CLASSES]
        named = {int(i): self.labels[int(i)] for i in [*order, target.index] if self.labels}
        dtype = np.float64 if self.network.precision == "double" else np.float32
        return Explanation(
            attribution=found.values[0].astype(dtype),
            axes=found.axes,
            method=method.name,
            display=method.display,
            parameters={**parameters, **found.parameters},
            target=target,
            score=float(target.select(scores[None])[0]),
            probabilities=prediction.probabilities.astype(np.float32),
            labels=named,
            layer=found.layer,
            pixels=picture.pixels,
            measures=measures,
            maps={k: np.asarray(v[0]) for k, v in found.maps.items()},
            notes=notes,
            seconds=seconds,
            provenance={
                "model": self.name,
                "model_sha256": self.sha256,
                "input": picture.source,
                "input_sha256": picture.sha256,
                "preprocess": self.preprocess.to_dict(),
                "preprocess_sha256": self.preprocess.sha256,
                "sources": self.sources,
                "engine": engine.device,
                "precision": self.network.precision if uses_torch else "as the file",
                "seed": seed,
                "versions": versions(),
                "warnings": [*self.warnings, *([picture.warning] if picture.warning else [])],
            },
        )
