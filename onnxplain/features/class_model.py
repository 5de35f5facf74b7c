"""The image that a class is all about, to the network.

Simonyan, Vedaldi, Zisserman 2013, arXiv:1312.6034, section 2, equation 1.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from onnxplain.errors import NumericalError, UsageError
from onnxplain.features.archive import origin, write_archive
from onnxplain.features.ascent import Ascent, Objective, ascend
from onnxplain.features.passes import Progress, silent
from onnxplain.features.patches import require_same_engines
from onnxplain.features.projecting import projecting_engine
from onnxplain.inputs.picture import sample_picture
from onnxplain.model.model import Model
from onnxplain.targets.classes import ClassScore
from onnxplain.targets.request import TargetLike
from onnxplain.targets.target import Target
from onnxplain.tasks.places import EVERYWHERE

# Shares of the range of inputs.
_NOISE = (0.0, 0.05, 0.1, 0.2, 0.4)
# Looked at on the shipped models: without shifts and blur only noise is left to see.
DEFAULT = Ascent(steps=200, rate=0.02, decay=1e-4, variation=1e-4, jitter=8, blur=0.5, bounded=True)


@dataclass(frozen=True)
class ClassModel:
    """An image made by the network.

    Attributes
    ----------
    index : int or None
        The class or value; ``None`` if the target has none.
    target : Target
        What was raised.
    x : (1, ...) array
        The model input that was reached.
    pixels : (H, W, C) uint8 array
        The same as a picture: what preprocessing subtracts is added again.
    history : list of float
        The target's score less penalties before each step.
    score : float
        The target's score in ONNX Runtime, in the target's unit.
    answer : float or None
        What the model says of the class, in the unit `answer_unit`; ``None`` where there are no
        classes.
    record : dict
        Settings, model and versions.
    """

    index: int | None
    target: Target
    x: NDArray[Any]
    pixels: NDArray[np.uint8]
    history: list[float]
    score: float
    answer: float | None
    answer_unit: str
    record: dict[str, Any]

    def save(self, path: str | Path) -> None:
        """Write input (``x``), ``pixels`` and ``history``.

        Raises
        ------
        OutputError
            If the file cannot be written.
        """
        record = {
            **self.record,
            "class": self.index,
            "target": self.target.to_dict(),
            self.target.unit: self.score,
            **({} if self.answer is None else {self.answer_unit: self.answer}),
        }
        arrays = {"x": self.x, "pixels": self.pixels, "history": np.array(self.history)}
        write_archive(path, "class model", record, arrays)


def class_model(
    model: Model,
    target: TargetLike,
    how: Ascent = DEFAULT,
    *,
    seed: int = 0,
    allow_mismatch: bool = False,
    progress: Progress = silent,
) -> ClassModel:
    """Maximise ``S_c(I) - lambda |I|^2`` from I = 0, with S_c the logit of a class.

    S is any other target's score where one is given. In dense answers it is the mean over all
    places, unless a place is given: there is no picture in which a class could be predicted.

    Where the gradient at zero is zero, it starts from a little noise.

    A probability would also grow by lowering all other classes. In units of the model's
    input zero is the mean picture, if preprocessing subtracts it.

    Parameters
    ----------
    model : Model
        The opened model; gradients are taken in PyTorch.
    target : str, int or TargetRequest
        What is raised, see `onnxplain.targets.request.read_target`: a class, a value, ...
    how : Ascent
        Steps, penalties, shifts and blur.
    seed : int
        Of the random shifts.
    allow_mismatch : bool
        Go on although PyTorch and ONNX Runtime disagree on a random picture.
    progress : callable
        Told how many of how many steps are done.

    Returns
    -------
    ClassModel

    Raises
    ------
    UsageError
        If there is no such target, or it stands for classes that a picture decides.
    ParityError
        If the engines disagree.
    NumericalError
        If a gradient is NaN or infinite.
    """
    network, sample = model.network, sample_picture(model.preprocess)
    asked = model.request(target)
    task = model.task
    if asked.index is None and not (asked.like or asked.element):
        raise UsageError("top-N needs a picture that says which class it is; name a class")
    if task.answer.places and not (asked.position or asked.region or asked.element):
        asked = replace(asked, region=EVERYWHERE)
    aim = model.target(asked, model.predict(sample), picture=sample)
    require_same_engines(model, sample, allow_mismatch)

    def objective(x: NDArray[Any]) -> tuple[float, NDArray[Any]]:
        found = projecting_engine(network).pull_back(x, [aim], [network.image.name])
        return float(aim.score(found.values)[0]), found.gradients[0][network.image.name]

    start, noise = _start(model, objective, seed)
    x, history = ascend(model, start, objective, how, seed=seed, progress=progress)
    ready = x.astype(np.float64 if network.precision == "double" else np.float32)
    said = model.predict(model.read(ready))
    return ClassModel(
        asked.index,
        aim,
        ready,
        model.preprocess.decode(ready)[0],
        history,
        float(aim.score(network.ort.activations(ready, aim.tensors))[0]),
        float(said.scores[aim.index]) if isinstance(aim, ClassScore) else None,
        said.unit,
        {**origin(model), "settings": vars(how), "seed": seed, "first_noise": noise},
    )


def _start(model: Model, objective: Objective, seed: int) -> tuple[NDArray[Any], float]:
    """Zero, or as little noise as wakes the network: on a plain picture all ReLUs may sleep.

    Raises
    ------
    NumericalError
        If no noise wakes it.
    """
    shape = (1, *model.network.image.shape[1:])
    low, high = model.preprocess.bounds()
    scale = float((high.astype(np.float64) - low).max())
    draws = np.random.default_rng(seed).standard_normal(shape)
    for noise in _NOISE:
        start = noise * scale * draws
        if np.any(objective(start)[1]):
            return start, noise
    raise NumericalError(
        "the gradient of this target is zero on every start that was tried; explain pictures "
        "instead"
    )
