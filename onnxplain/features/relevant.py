"""The features that a network relies on for each class, kept so that pictures can be explained.

Oramas, Wang, Tuytelaars 2019, arXiv:1712.06302, sections 3.1 and 3.2.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from onnxplain.errors import UsageError
from onnxplain.features.archive import origin, read_archive, write_archive
from onnxplain.features.averages import average_patches
from onnxplain.features.collect import Collected, collect
from onnxplain.features.mu_lasso import mu_lasso
from onnxplain.features.passes import Progress, Skipped, silent
from onnxplain.features.responses import feature_layers
from onnxplain.features.top_units import TopUnits
from onnxplain.files import write_text
from onnxplain.inputs.dataset import Sample
from onnxplain.model.model import Model
from onnxplain.network.selection import (
    KIND,
    Feature,
    Selection,
    require_arrays,
    require_lists,
    require_sound,
    selection_parts,
)

_MOST_PATCHES = 100


@dataclass(frozen=True)
class RelevantFeatures(Selection):
    """What was selected, with everything that explaining a picture needs.

    Attributes
    ----------
    layers, features, positions, classes, weights, typical, record
        See `Selection`.
    gaps : (K,) float array
        Duality gaps of the solutions.
    averages : (F, S, S, C) uint8 array
        Average of the strongest patches of each feature; all of one size, for display.
    counts : (F,) int array
        How many patches were averaged.
    units : TopUnits
        Strongest images and places of each feature.
    names : list of str
        The data set.
    skipped : list of Skipped
        Pictures that could not be read.
    mu : float
        The constraint.
    """

    gaps: NDArray[np.float64]
    averages: NDArray[np.uint8]
    counts: NDArray[np.int64]
    units: TopUnits
    names: list[str]
    skipped: list[Skipped]
    mu: float

    def to_dict(self, labels: Sequence[str] = ()) -> dict[str, Any]:
        """Plain data: for each class its features with their weights."""
        return {
            **self.record,
            "mu": self.mu,
            "pictures": len(self.names) - len(self.skipped),
            "skipped": [s._asdict() for s in self.skipped],
            "layers": self.layers,
            "classes": [
                {
                    "index": c,
                    "name": labels[c] if labels else "",
                    "duality_gap": float(self.gaps[k]),
                    "features": [
                        {
                            "layer": self.features[f].layer,
                            "channel": self.features[f].channel,
                            "weight": weight,
                            "typical_response": float(self.typical[k, f]),
                        }
                        for f, weight in self.of_class(c)
                    ],
                }
                for k, c in enumerate(self.classes)
            ],
        }

    def save(self, path: str | Path, labels: Sequence[str] = ()) -> None:
        """Write everything as ``.npz``, and beside it a ``.json`` for people to read.

        Raises
        ------
        OutputError
            If a file cannot be written.
        """
        record = {
            **self.record,
            "layers": self.layers,
            "features": [[f.layer, f.channel] for f in self.features],
            "classes": self.classes,
            "names": self.names,
            "skipped": self.skipped,
            "mu": self.mu,
        }
        own = ("positions", "weights", "typical", "gaps", "averages", "counts")
        arrays = {name: getattr(self, name) for name in own} | self.units.arrays("units:")
        write_archive(path, KIND, record, arrays)
        text = json.dumps(self.to_dict(labels), indent=1, allow_nan=False)
        write_text(Path(path).with_suffix(".json"), text + "\n")

    @classmethod
    def load(cls, path: str | Path) -> RelevantFeatures:
        """Read what `save` wrote.

        Raises
        ------
        UsageError
            If it is no such file.
        """
        record, arrays = read_archive(path, KIND)
        try:
            found = cls(
                **selection_parts(record, arrays),
                names=record.pop("names"),
                skipped=[Skipped(*s) for s in record.pop("skipped")],
                mu=record.pop("mu"),
                units=TopUnits.from_arrays(arrays, "units:"),
                gaps=arrays["gaps"],
                averages=arrays["averages"],
                counts=arrays["counts"],
                record=record,
            )
            require_sound(found)
            _require_sound(found)
        except (KeyError, TypeError, ValueError) as error:
            raise UsageError(f"{str(path)!r} is not a saved {KIND} file: {error}") from error
        return found


def _require_sound(found: RelevantFeatures) -> None:
    """Refuse lists and arrays beside the selection that do not fit it."""
    require_lists({"names": (found.names, str)})
    if type(found.mu) not in (int, float):
        raise ValueError("mu is not a number")
    F, K = len(found.features), len(found.classes)
    top = found.units.scores.shape[1:]
    require_arrays(
        {
            "gaps": (found.gaps, "f", (K,)),
            "averages": (found.averages, "u", (F, *found.averages.shape[1:4])),
            "counts": (found.counts, "iu", (F,)),
            "images": (found.units.images, "iu", (F, *top)),
            "places": (found.units.places, "iu", (F, *top, 2)),
        }
    )
    # Where there were fewer images, the score is minus infinity.
    scores = found.units.scores
    if scores.dtype.kind != "f" or scores.shape != (F, *top) or np.isnan(scores).any():
        raise ValueError(f"scores is not an array of shape {(F, *top)}")
    if found.averages.ndim != 4:
        raise ValueError("averages are not pictures")


def relevant_features(
    model: Model,
    samples: Sequence[Sample],
    *,
    mu: float = 10.0,
    layers: Sequence[str] | None = None,
    top: int | None = None,
    folder: str | Path | None = None,
    progress: Progress = silent,
) -> RelevantFeatures:
    """Select the few filters that tell the classes of a labelled data set.

    Parameters
    ----------
    model : Model
        The opened model; all passes run in ONNX Runtime.
    samples : sequence of Sample
        The data set, every picture with its class.
    mu : float
        Largest sum of magnitudes of the weights of a class: the larger, the more features.
    layers : sequence of str, optional
        Tensors whose filters are candidates; all convolutions and fully connected layers
        if not given.
    top : int, optional
        Patches that an average image is made of. If not given, 100 as in the paper, but no
        more than the data set has pictures for each class: in a small one, patches of other
        classes would blur the average.
    folder : path, optional
        See `collect`.
    progress : callable
        Told how many of how many pictures are done.

    Returns
    -------
    RelevantFeatures

    Raises
    ------
    UsageError
        If a picture has no class, or scikit-learn is missing.
    MethodRefusedError
        If the model has no layer to select from.
    """
    candidates = feature_layers(model, layers)
    top = top or min(_MOST_PATCHES, max(1, len(samples) // len({s.label for s in samples})))
    found = collect(model, samples, candidates, top=top, folder=folder, progress=progress)
    classes, weights, gaps = select(found, mu)
    positions = np.flatnonzero(np.any(weights != 0, axis=0))
    owners = [layer for layer in candidates for _ in range(layer.channels)]
    features = [Feature(owners[p].name, int(p) - owners[p].first) for p in positions]
    units = found.units.chosen([int(p) for p in positions])
    averages, counts = average_patches(model, samples, [f.layer for f in features], units)
    return RelevantFeatures(
        layers=[layer.name for layer in candidates],
        features=features,
        positions=positions,
        classes=classes,
        weights=weights[:, positions],
        typical=np.stack(
            [found.responses[found.labels == c][:, positions].mean(0) for c in classes]
        ),
        gaps=gaps,
        averages=averages,
        counts=counts,
        units=units,
        names=[s.name for s in samples],
        skipped=list(found.skipped),
        mu=mu,
        record=origin(model),
    )


def select(
    found: Collected, mu: float
) -> tuple[list[int], NDArray[np.float64], NDArray[np.float64]]:
    """Solve the mu-LASSO of every class that the data set has.

    The responses of all pictures are in memory here, once, in float64.

    Returns
    -------
    list of int
        The classes.
    (K, m) array
        Weights of all filters.
    (K,) array
        Duality gaps.
    """
    read = found.labels >= 0
    live = np.flatnonzero(found.responses.max(axis=0) > 0)
    X, labels = found.responses[read][:, live].astype(np.float64), found.labels[read]
    classes = [int(c) for c in np.unique(labels)]
    solved = [mu_lasso(X, labels == c, mu) for c in classes]
    weights = np.zeros((len(classes), found.responses.shape[1]))
    weights[:, live] = [s.weights for s in solved]
    return classes, weights, np.array([s.gap for s in solved])
