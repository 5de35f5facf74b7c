"""Other libraries beside ours, on the same networks: one line for each method.

Ours explains the ONNX file, through `Model.explain` as a user calls it; the others explain the
original PyTorch network, in evaluation mode and otherwise as torchvision makes it. Both sides take
turns on one thread; the time is that of the processor. Printed is theirs over ours: above one, ours
takes less. A library that is not installed leaves its cells empty.

    pip install -c constraints.txt -e '.[test]' torchvision
    pip install --no-deps grad-cam ttach torchcam
    python -m benchmarks.peers [--networks mobilenet_v2,...] [--rounds 3] [--write]
"""

from __future__ import annotations

import argparse
import importlib.util
import os
import sys
import tempfile
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path

# One thread is one thread, also within products of NumPy, which reads this as it is loaded.
os.environ["OPENBLAS_NUM_THREADS"] = "1"

import onnx
import torch
from torch import nn

ROOT = Path(__file__).parents[1]
sys.path[:0] = [str(ROOT), str(ROOT / "tests")]

from nets import export  # noqa: E402
from originals import CAT  # noqa: E402

import onnxplain  # noqa: E402
from benchmarks.page import put_rows  # noqa: E402
from benchmarks.timing import in_turns, spread  # noqa: E402
from onnxplain.convert.torchvision_guard import import_torchvision  # noqa: E402

SIDE, STEPS, WINDOW, STRIDE = 224, 16, 32, 16
LIBRARIES = ("captum", "pytorch-grad-cam", "torch-cam", "zennit")
COLUMNS = ("network, method", "ours, ms", *LIBRARIES)
Work = Callable[[], object]


class Network:
    """A network of torchvision with random weights, and its last feature maps."""

    def __init__(self, net: nn.Module, last: nn.Module, tokens: int | None = None) -> None:
        self.net, self.last, self.tokens = net.eval(), last, tokens
        for module in net.modules():
            if hasattr(module, "inplace"):
                module.inplace = False  # which hooks cannot follow

    def maps(self, values: torch.Tensor) -> torch.Tensor:
        """Tokens behind the class token as (N, C, h, w), for libraries that expect pictures."""
        if self.tokens is None:
            return values
        side = self.tokens
        return values[:, 1:].transpose(1, 2).reshape(len(values), -1, side, side)


def _mobilenet_v2() -> Network:
    from torchvision.models import mobilenet_v2

    net = mobilenet_v2(weights=None)
    return Network(net, net.features)


def _resnet18() -> Network:
    from torchvision.models import resnet18

    net = resnet18(weights=None)
    return Network(net, net.layer4)


def _convnext_tiny() -> Network:
    from torchvision.models import convnext_tiny

    net = convnext_tiny(weights=None)
    return Network(net, net.features)


def _deit_tiny() -> Network:
    """The sizes of DeiT-Ti (Touvron et al. 2021, arXiv:2012.12877, table 1)."""
    from torchvision.models import VisionTransformer

    net = VisionTransformer(SIDE, 16, 12, 3, 192, 768)
    nn.init.normal_(net.heads.head.weight, std=0.02)  # zeros, of which nothing depends on anything
    return Network(net, net.encoder.layers[-1].ln_1, SIDE // 16)


NETWORKS: Mapping[str, Callable[[], Network]] = {
    "mobilenet_v2": _mobilenet_v2,
    "resnet18": _resnet18,
    "convnext_tiny": _convnext_tiny,
    "deit_tiny": _deit_tiny,
}


def works(made: Network, x: torch.Tensor, index: int) -> dict[str, dict[str, Work]]:
    """What each library runs for each of our methods, as far as it is installed."""
    import captum.attr as captum

    net, black = made.net, torch.zeros_like(x)
    leaf = x.clone().requires_grad_()
    found: dict[str, dict[str, Work]] = {
        "gradient": {
            "captum": lambda: captum.Saliency(net).attribute(leaf, target=index, abs=False)
        },
        "integrated-gradients": {
            "captum": lambda: captum.IntegratedGradients(net).attribute(
                x, black, target=index, n_steps=STEPS, method="gausslegendre",
                return_convergence_delta=True,  # ours measures that, too
            )
        },
        "smoothgrad": {
            "captum": lambda: captum.NoiseTunnel(captum.Saliency(net)).attribute(
                leaf, nt_type="smoothgrad", nt_samples=STEPS, nt_samples_batch_size=STEPS,
                stdevs=0.15, target=index, abs=False,
            )
        },
        "occlusion": {
            "captum": lambda: captum.Occlusion(net).attribute(
                x, (3, WINDOW, WINDOW), (3, STRIDE, STRIDE), 0.0, index, perturbations_per_eval=16
            )
        },
        "grad-cam": {},
    }  # fmt: skip
    if made.tokens is None and made.net.__class__.__name__ in ("MobileNetV2", "ResNet"):
        found["lrp"] = {"zennit": partial(_zennit, net, x, index)}
    if importlib.util.find_spec("pytorch_grad_cam") is not None:
        found["grad-cam"]["pytorch-grad-cam"] = _pytorch_grad_cam(made, x, index)
    if importlib.util.find_spec("torchcam") is not None and made.tokens is None:
        found["grad-cam"]["torch-cam"] = partial(_torch_cam, made, x, index)
    return {name: theirs for name, theirs in found.items() if theirs}


def _zennit(net: nn.Module, x: torch.Tensor, index: int) -> object:
    from zennit.attribution import Gradient
    from zennit.composites import EpsilonPlus
    from zennit.torchvision import ResNetCanonizer, SequentialMergeBatchNorm

    resnet = net.__class__.__name__ == "ResNet"
    canonizers = [ResNetCanonizer() if resnet else SequentialMergeBatchNorm()]
    given = torch.eye(1000)[[index]]
    with Gradient(net, EpsilonPlus(canonizers=canonizers)) as attributor:
        return attributor(x.clone().requires_grad_(), given)


def _pytorch_grad_cam(made: Network, x: torch.Tensor, index: int) -> Work:
    from pytorch_grad_cam import GradCAM
    from pytorch_grad_cam.utils.model_targets import ClassifierOutputTarget

    cam = GradCAM(model=made.net, target_layers=[made.last], reshape_transform=made.maps)
    return lambda: cam(input_tensor=x, targets=[ClassifierOutputTarget(index)])


def _torch_cam(made: Network, x: torch.Tensor, index: int) -> object:
    from torchcam.methods import GradCAM

    with GradCAM(made.net, target_layer=made.last) as cam:
        scores = made.net(x.clone().requires_grad_())
        return cam(index, scores)


def rows(name: str, folder: Path, rounds: int) -> list[list[str]]:
    """Measure one network."""
    torch.manual_seed(0)
    made = NETWORKS[name]()
    file = folder / f"{name}.onnx"
    onnx.save(export(made.net, torch.rand(1, 3, SIDE, SIDE)), file)
    model = onnxplain.load(
        file, preprocess="imagenet-torch", device="cpu", threads=1, scores="logits"
    )
    picture = model.read(CAT)
    prediction = model.predict(picture)
    index = int(prediction.order(1)[0])
    parameters: dict[str, dict[str, object]] = {
        "integrated-gradients": {"steps": STEPS, "max_steps": STEPS},
        "smoothgrad": {"samples": STEPS},
        "occlusion": {"window": WINDOW, "stride": STRIDE, "fill_with": "0"},
        "lrp": {"composite": "epsilon-plus"},
    }
    found = []
    for method, theirs in works(made, torch.from_numpy(picture.x), index).items():
        ours = partial(
            model.explain, picture, method, index,
            prediction=prediction, kind="logit", **parameters.get(method, {}),
        )  # fmt: skip
        cells, own = dict.fromkeys(LIBRARIES, ""), list[float]()
        for library, work in theirs.items():
            pairs = in_turns(work, ours, rounds, "cpu")
            cells[library] = spread([their / our for their, our in pairs])
            own += [1000 * our for _, our in pairs]
        found.append([f"{name}, {method}", spread(own, 0), *cells.values()])
        print(" | ".join(found[-1]), flush=True)
    return found


def main() -> None:
    """Print a row for each method of each network."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--networks", default=",".join(NETWORKS))
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--write", action="store_true", help="put the rows into the page")
    options = parser.parse_args()
    import_torchvision()
    torch.set_num_threads(1)
    with tempfile.TemporaryDirectory() as folder:
        for name in options.networks.split(","):
            if name not in NETWORKS:
                sys.exit(f"no network {name!r}; known: {', '.join(NETWORKS)}")
            made = rows(name, Path(folder), options.rounds)
            if options.write:
                put_rows("peers", COLUMNS, made)


if __name__ == "__main__":
    main()
