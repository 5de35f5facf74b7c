"""Time and memory of sampling methods as ratios to other libraries, and to bare ONNX Runtime.

RISE runs against DIANNA with the same number of masks and the same processors, twice: given the
model file, as its documentation says (it then opens a session for each batch), and given a session
that is open. Score-CAM runs against pytorch-grad-cam on the original PyTorch network. "bare" are
ONNX Runtime's own calls on a ready batch, as many inputs as the method runs: what is above one is
our Python. All that is compared runs in turns, A B A B; the median of the rounds' ratios is printed
with the smallest and largest. Peak memory is what one run adds in a process of its own.

    pip install -c constraints.txt -e '.[test]'
    pip install --no-deps dianna==1.8.1 grad-cam==1.5.7 ttach==0.0.3 opencv-python-headless xarray
    python -m benchmarks.perturbation [--rounds 3] [--masks 256] [--threads 1] [--write]
"""

from __future__ import annotations

import argparse
import contextlib
import io
import multiprocessing
import os
import platform
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import onnxruntime

ROOT = Path(__file__).parents[1]
sys.path[:0] = [str(ROOT), str(ROOT / "tests")]

import onnxplain  # noqa: E402
from benchmarks.page import show_rows  # noqa: E402
from benchmarks.timing import CLOCKS, added_mebibytes, in_turns, spread  # noqa: E402

MODEL, CAT = ROOT / "models/efficientnet-lite0.onnx", ROOT / "examples/photos/chelsea.png"
BATCH = 32
CELLS, SHARE = 7, 0.5
# Feature maps of the layer that Score-CAM is compared at.
CHANNELS = 320
COLUMNS = ("comparison", "theirs over ours", "ours, s")
Work = Callable[[], object]


class Ours:
    """The shipped photo network, opened, with the cat."""

    def __init__(self) -> None:
        self.model = onnxplain.load(
            MODEL, batch_size=BATCH, device="cpu", threads=len(os.sched_getaffinity(0))
        )
        self.picture = self.model.read(CAT)
        self.x = self.picture.x
        self.prediction = self.model.predict(self.picture)

    def work(self, method: str, **parameters: object) -> Work:
        """One run of a method, as a user has it."""
        given = {"prediction": self.prediction, **parameters}
        return lambda: self.model.explain(self.picture, method, **given)

    def bare(self, count: int) -> Work:
        """Calls of the very session that ours uses, for `count` inputs."""
        session = self.model.network.ort._sessions.exposing(())
        name = session.get_inputs()[0].name
        batch = np.repeat(self.x, BATCH, axis=0)

        def run() -> None:
            for start in range(0, count, BATCH):
                session.run(None, {name: batch[: min(BATCH, count - start)]})

        return run

    def layer(self) -> str:
        """The last layer of `CHANNELS` feature maps."""
        layers = self.model.network.layers
        return next(la.name for la in layers if la.channels == CHANNELS)


def dianna(ours: Ours, masks: int, *, given_a_session: bool) -> Work:
    """RISE of DIANNA on the same input."""
    from onnxplain.convert.torchvision_guard import import_torchvision

    import_torchvision()  # DIANNA may import torchvision, which may not fit this torch
    from dianna.methods.rise_image import RISEImage

    session = onnxruntime.InferenceSession(MODEL, providers=["CPUExecutionProvider"])
    name = session.get_inputs()[0].name
    runner = (lambda x: session.run(None, {name: x})[0]) if given_a_session else str(MODEL)

    def run() -> object:
        axes = ["channels", "height", "width"]
        explainer = RISEImage(masks, CELLS, SHARE, axis_labels=axes)
        with contextlib.redirect_stderr(io.StringIO()), contextlib.redirect_stdout(io.StringIO()):
            return explainer.explain(runner, ours.x[0], [ours.prediction.logits.argmax()], BATCH)

    return run


def grad_cam(ours: Ours) -> Work:
    """Score-CAM of pytorch-grad-cam on the original network, at the same layer."""
    from onnxplain.convert.torchvision_guard import import_torchvision

    import_torchvision()  # pytorch-grad-cam imports torchvision
    import torch
    from originals import lite0_exactly
    from pytorch_grad_cam import ScoreCAM
    from pytorch_grad_cam.utils.model_targets import ClassifierOutputTarget

    torch.set_num_threads(len(os.sched_getaffinity(0)))
    net = lite0_exactly().float().eval()
    image = torch.from_numpy(ours.x)
    targets = [ClassifierOutputTarget(int(ours.prediction.logits.argmax()))]

    def run() -> object:
        with ScoreCAM(model=net, target_layers=[net._blocks[-1]]) as cam:
            cam.batch_size = BATCH
            with contextlib.redirect_stderr(io.StringIO()):
                return cam(input_tensor=image, targets=targets)

    return run


def works(options: argparse.Namespace) -> dict[str, tuple[Work, Work]]:
    """What is compared: the other side, then ours."""
    ours, masks = Ours(), options.masks
    rise = ours.work("rise", samples=masks, cells=CELLS, share=SHARE, fill_with="0")
    score_cam = ours.work("score-cam", layer=ours.layer(), fill_with="0")
    pairs: dict[str, tuple[Callable[[], Work], Work]] = {
        "RISE, DIANNA given the file": (lambda: dianna(ours, masks, given_a_session=False), rise),
        "RISE, DIANNA given a session": (lambda: dianna(ours, masks, given_a_session=True), rise),
        "Score-CAM, pytorch-grad-cam": (lambda: grad_cam(ours), score_cam),
        "RISE, bare": (lambda: ours.bare(masks), rise),
        "LIME, bare": (lambda: ours.bare(masks), ours.work("lime", samples=masks)),
        "KernelSHAP, bare": (
            lambda: ours.bare(masks + 2), ours.work("kernel-shap", samples=masks)
        ),
        "Score-CAM, bare": (lambda: ours.bare(CHANNELS + 1), score_cam),
    }  # fmt: skip
    chosen = [n for n in pairs if options.only in n]
    return {n: (pairs[n][0](), pairs[n][1]) for n in chosen}


def peak(options: argparse.Namespace, name: str, side: int) -> float:
    """MiB that one run adds, in a fresh process (Linux)."""
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        return pool.apply(_peak, (options, name, side))


def _peak(options: argparse.Namespace, name: str, side: int) -> float:
    options.only = name
    work = works(options)[name][side]
    return added_mebibytes(work)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--masks", type=int, default=256)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--clock", choices=CLOCKS, default="cpu")
    parser.add_argument("--only", default="", help="part of a comparison's name")
    parser.add_argument("--memory", action="store_true", help="also measure peak memory")
    parser.add_argument("--write", action="store_true", help="put the table into the page")
    options = parser.parse_args()
    # Both sides take as many threads as there are processors that they may use.
    os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[: options.threads])
    print(
        f"{platform.processor() or platform.machine()}, load {os.getloadavg()[0]:.1f}; ONNX "
        f"Runtime {onnxruntime.__version__}; {options.threads} processor(s), {options.masks} "
        f"masks, {options.rounds} rounds, {options.clock} time"
    )
    rows = []
    for name, (their, our) in works(options).items():
        rounds = in_turns(their, our, options.rounds, options.clock)
        ratios, took = [t / o for t, o in rounds], [o for _, o in rounds]
        rows.append([name, spread(ratios), spread(took)])
        if options.memory:
            sides = (peak(options, name, side) for side in (0, 1))
            print("{}: peak memory: theirs {:.0f} MiB, ours {:.0f} MiB".format(name, *sides))
    show_rows("sampling", COLUMNS, rows, write=options.write)


if __name__ == "__main__":
    main()
