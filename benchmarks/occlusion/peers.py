"""Captum on the original network, and refined maps against full ones."""

from __future__ import annotations

import argparse

import numpy as np
import torch

import onnxplain
from benchmarks.occlusion.measure import Context, alternate
from benchmarks.occlusion.networks import ROOT, SHIPPED, make
from benchmarks.timing import seconds

# Windows computed together; the best one is used.
PER_EVALUATION = (1, 4, 8, 16, 32)
REFINED = (2, 4, 8)


def captum(name: str, options: argparse.Namespace) -> None:
    """Captum / auto on the same windows, and how far the maps agree."""
    from captum.attr import Occlusion

    net, proto = make(name, options.side)
    if net is None:
        return
    made = Context(proto, options.window, options.stride, threads=options.threads)
    for parameter in net.parameters():
        parameter.requires_grad_(False)
    method = Occlusion(net)

    def theirs(seed: int, together: int, window: int, stride: int) -> torch.Tensor:
        with torch.no_grad():
            return method.attribute(
                torch.from_numpy(made.picture(seed)[None]),
                (3, window, window),
                (3, stride, stride),
                target=0,
                baselines=0,
                perturbations_per_eval=together,
            )

    coarse = 3 * options.stride  # a ninth of the windows to tune with
    theirs(0, 1, coarse, coarse)
    times = {
        n: seconds(lambda n=n: theirs(0, n, coarse, coarse), options.clock) for n in PER_EVALUATION
    }
    best = min(times, key=lambda n: times[n])
    _, scores = made.map(0, "auto")
    unchanged = made.network.ort.activations(made.picture(0)[None], made.names)[made.names[0]]
    falls = unchanged.reshape(-1)[0] - scores[:, 0]
    found = theirs(0, best, options.window, options.stride)[0, 0].numpy()
    expected = np.array([found[t, left] for t, _, left, _ in made.windows])
    ratio, slow, _ = alternate(
        lambda k: theirs(k, best, options.window, options.stride), lambda k: made.map(k, "auto"),
        options.rounds, options.clock,
    )  # fmt: skip
    print(
        f"{name:20} Captum {slow:.2f} s with {best} perturbations_per_eval; Captum / auto {ratio}; "
        f"maps differ by {np.abs(falls - expected).max() / np.abs(expected).max():.0e} of their "
        f"largest value",
        flush=True,
    )


def refine_error(options: argparse.Namespace) -> None:
    """How much of a full map refining computes, and how far it is off."""
    model = onnxplain.load(SHIPPED, device="cpu")
    for photo in ("chelsea.png", "coffee.png"):
        picture = ROOT / "examples/photos" / photo
        settings = {"window": 32, "stride": 8, "fill_with": "mean"}
        full = model.explain(picture, "occlusion", **settings)
        span = float(np.ptp(full.maps["score"]))
        for step in REFINED:
            rough = model.explain(picture, "occlusion", refine=step, **settings)
            error = np.abs(rough.maps["score"] - full.maps["score"])
            print(
                f"{photo:12} refine {step}: {rough.measures['computed']:.0%} of "
                f"{error.size} windows computed; error as a share of the map's range: mean "
                f"{error.mean() / span:.1%}, largest {error.max() / span:.1%}; "
                f"{full.seconds / rough.seconds:.1f} times as fast",
                flush=True,
            )
