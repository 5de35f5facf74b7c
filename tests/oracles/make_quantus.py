"""Store what Quantus says about shared maps, and about the digits classifier.

Its dependencies do not install cleanly beside every PyTorch, so its numbers are stored::

    pip install --no-deps quantus==0.6.0
    PYTHONPATH=.:tests python tests/oracles/make_quantus.py

The network is rebuilt in PyTorch from the weights in the file. Quantus randomises it with
the weights that this project draws, so that both see the same networks.
"""

import json
from importlib.metadata import version
from pathlib import Path

import numpy as np
import torch
from oracles.quantus_inputs import (
    BASELINE,
    PIXELS,
    RADIUS,
    ROAD_SHARES,
    TOP,
    flower,
    maps,
    neighbours,
    noise,
    pictures,
    plane,
    removed,
)
from torch import nn

import onnxplain
from models.build.digits_networks import gap_network
from onnxplain.convert.torchvision_guard import import_torchvision
from onnxplain.evaluate.randomise import learned_layers, randomised

import_torchvision()  # Quantus imports torchvision, which may not fit this torch

import quantus  # noqa: E402

FILE = Path(__file__).with_name("quantus.json")


class Drawn:
    """Gives a layer the weights that were drawn for it, where Quantus resets it.

    Quantus hands float32 to the network, which computes in float64.
    """

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return super().forward(x.double())

    def reset_parameters(self) -> None:
        if hasattr(self, "drawn"):
            with torch.no_grad():
                for name, values in self.drawn.items():
                    getattr(self, name).copy_(values)


class DrawnConv(Drawn, nn.Conv2d):
    """A convolution with weights to come."""


class DrawnLinear(Drawn, nn.Linear):
    """A linear layer with weights to come."""


def network(model: onnxplain.Model) -> nn.Sequential:
    """Rebuild the classifier; its layers hold the weights that they are to be reset to."""
    graph, net = model.network.graph, gap_network().eval()
    layers = learned_layers(graph, model.network.head.logits)
    other = randomised(graph, layers, seed=0)
    for module in net:
        kind = {nn.Conv2d: DrawnConv, nn.Linear: DrawnLinear}.get(type(module))
        module.__class__ = kind or type(module)
    for layer in layers:
        place, _ = layer.constants[0].split(".")
        names = {name.split(".")[1]: name for name in layer.constants}
        net[int(place)].load_state_dict(
            {k: torch.from_numpy(graph.constant(n).copy()) for k, n in names.items()}
        )
        net[int(place)].drawn = {
            k: torch.from_numpy(other.constant(n).copy()) for k, n in names.items()
        }
    return net.double()


def gradient(model: nn.Module, inputs: np.ndarray, targets: np.ndarray, **_: object) -> np.ndarray:
    """Derivative of the logit, computed by PyTorch alone."""
    x = torch.as_tensor(inputs, dtype=torch.float64).requires_grad_()
    model(x)[torch.arange(len(x)), torch.as_tensor(targets)].sum().backward()
    return x.grad.numpy()


def located() -> dict[str, list[float]]:
    """Scores of each map by each localisation measure."""
    heatmaps, masks = maps()
    plain = {"abs": False, "normalise": False, "disable_warnings": True}
    metrics = {
        "pointing-game": (quantus.PointingGame(**plain), heatmaps),
        "rank-accuracy": (quantus.RelevanceRankAccuracy(**plain), heatmaps),
        # The measure here counts positive evidence alone; Quantus adds what it is given.
        "energy-in-mask": (quantus.RelevanceMassAccuracy(**plain), np.maximum(heatmaps, 0)),
        "top-k": (quantus.TopKIntersection(k=TOP, **plain), heatmaps),
        "roc-auc": (quantus.AUC(**plain), heatmaps),
    }
    x = np.zeros((len(heatmaps), 1, *heatmaps.shape[1:]))
    labels = np.zeros(len(heatmaps), int)
    return {
        name: [
            float(v)
            for v in metric(
                model=None, x_batch=x, y_batch=labels, a_batch=given[:, None],
                s_batch=masks[:, None], channel_first=True,
            )
        ]
        for name, (metric, given) in metrics.items()
    }  # fmt: skip


def complete() -> list[bool]:
    """Whether whole numbers that add up to the score, and one off by one, are complete."""
    x, weights, attributions = plane()
    layer = nn.Sequential(nn.Flatten(), nn.Linear(64, 2, bias=False)).eval().requires_grad_(False)
    layer[1].weight.copy_(torch.from_numpy(weights))
    metric = quantus.Completeness(
        abs=False, normalise=False, perturb_baseline=BASELINE, disable_warnings=True
    )
    found = metric(
        model=layer, x_batch=x, y_batch=np.ones(len(x), int), a_batch=attributions,
        channel_first=True, softmax=False,
    )  # fmt: skip
    return [bool(v) for v in found]


def parsimony() -> dict[str, list[float]]:
    """Complexity and sparseness of the maps.

    Quantus adds 1e-7 to what it takes the Gini index of: large numbers hide that.
    """
    heatmaps = 1e9 * maps()[0][:, None]
    given = {"model": None, "x_batch": np.abs(heatmaps), "y_batch": np.zeros(len(heatmaps), int),
             "channel_first": True}  # fmt: skip
    plain = {"abs": True, "normalise": False, "disable_warnings": True}
    metrics = {"complexity": quantus.Complexity(**plain), "sparseness": quantus.Sparseness(**plain)}
    return {
        name: [float(v) for v in metric(a_batch=heatmaps.copy(), **given)]
        for name, metric in metrics.items()
    }


def road(net: nn.Module, x: np.ndarray, labels: np.ndarray) -> dict[str, list[float]]:
    """Which part of the digits is still recognised, without noise, and imputed values."""
    metric = quantus.ROAD(
        percentages=[round(100 * share) for share in ROAD_SHARES],
        noise=0.0,
        abs=False,
        normalise=False,
        disable_warnings=True,
    )
    found = metric(
        model=net, x_batch=x, y_batch=labels, a_batch=maps()[0][: len(x), None], channel_first=True
    )
    picture, gone = flower(), removed((32, 32))
    filled = quantus.functions.perturb_func.noisy_linear_imputation(
        np.moveaxis(picture, 2, 0), np.flatnonzero(gone), noise=0.0
    )
    return {
        "recognised": [float(v) for v in found.values()],
        "imputed": np.moveaxis(filled.reshape(3, 32, 32), 0, 2)[gone][::16].ravel().tolist(),
    }


def single_deletion(net: nn.Module, x: np.ndarray, labels: np.ndarray) -> list[float]:
    """Rank correlation of each pixel's evidence with what its removal alone costs."""
    metric = quantus.FaithfulnessEstimate(
        similarity_func=quantus.similarity_func.correlation_spearman,
        features_in_step=1,
        perturb_baseline=BASELINE,
        abs=False,
        normalise=False,
        disable_warnings=True,
    )
    found = metric(
        model=net, x_batch=x, y_batch=labels, a_batch=maps()[0][: len(x), None],
        channel_first=True, softmax=False,
    )  # fmt: skip
    return [float(v) for v in found]


def relative_stability(net: nn.Module, x: np.ndarray, labels: np.ndarray) -> dict[str, list[float]]:
    """Largest relative change of the gradient around each digit."""
    of_input = quantus.RelativeInputStability(disable_warnings=True)
    of_output = quantus.RelativeOutputStability(disable_warnings=True)
    found: dict[str, list[float]] = {"input": [], "output": []}
    for one, label in zip(x.astype(np.float64), labels, strict=True):
        both = [one[None], *neighbours(one[None])]
        heat = [gradient(net, v, np.array([label])) for v in both]
        said = [net(torch.from_numpy(v)).detach().numpy() for v in both]
        found["input"].append(max(
            float(of_input.relative_input_stability_objective(both[0], v, heat[0], h)[0])
            for v, h in zip(both[1:], heat[1:], strict=True)
        ))  # fmt: skip
        found["output"].append(max(
            float(of_output.relative_output_stability_objective(said[0], s, heat[0], h)[0])
            for s, h in zip(said[1:], heat[1:], strict=True)
        ))  # fmt: skip
    return found


def run() -> dict[str, object]:
    """Everything that Quantus is asked."""
    model = onnxplain.load("models/digits-gap.onnx")
    net = network(model)
    x = model.preprocess.encode(pictures()[..., None])
    labels = net(torch.from_numpy(x)).argmax(dim=1).numpy()
    order = maps()[0][: len(x), None]
    given = {"x_batch": x, "y_batch": labels, "channel_first": True}
    quiet = {"disable_warnings": True}
    flips = quantus.PixelFlipping(
        features_in_step=PIXELS, perturb_baseline=BASELINE, normalise=False, **quiet
    )(model=net, a_batch=order, softmax=True, **given)
    draws = iter(noise(x.shape[2:]))
    sensitive = quantus.MaxSensitivity(
        nr_samples=len(noise((8, 8))),
        perturb_func=lambda arr, indices, **_: arr + RADIUS * next(draws).reshape(1, -1),
        **quiet,
    )(
        model=net, x_batch=x[:1], y_batch=labels[:1], channel_first=True,
        explain_func=gradient, softmax=False,
    )  # fmt: skip
    checks = {
        order: quantus.MPRT(layer_order=order, normalise=False, **quiet)(
            model=network(model), explain_func=gradient, **given
        )
        for order in ("top_down", "independent")
    }
    return {
        "classes": labels.tolist(),
        "located": located(),
        "deletion": np.asarray(flips, float).tolist(),
        "completeness": complete(),
        "max-sensitivity": [float(v) for v in sensitive],
        "parsimony": parsimony(),
        "road": road(net, x, labels),
        "single-deletion": single_deletion(net, x, labels),
        "relative-stability": relative_stability(net, x, labels),
        "randomisation": {
            order: {name: [float(v) for v in values] for name, values in found.items()}
            for order, found in checks.items()
        },
    }


if __name__ == "__main__":
    record = {
        "made_by": "PYTHONPATH=.:tests python tests/oracles/make_quantus.py",
        "versions": {p: version(p) for p in ("quantus", "torch", "numpy")},
        **run(),
    }
    FILE.write_text(json.dumps(record, indent=1) + "\n", "utf-8")
