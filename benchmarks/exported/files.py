"""The files that are exported: shipped models, and networks of the other two benchmarks."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import NamedTuple

import onnx
import torch

from benchmarks.conversion import forms

ROOT = Path(__file__).parents[2]
SHIPPED = "shipped"
_PLAIN = "TorchScript 17"
_EXPORTERS = {
    _PLAIN: ("torchscript", 17), "TorchScript 13": ("torchscript", 13),
    "TorchScript 11": ("torchscript", 11), "default 20": ("default", 20),
    "default 24": ("default", 24),
}  # fmt: skip
# What is made of a file that was exported as `_PLAIN`.
_QUANTISED = {f"8 bits {kind}": kind for kind in ("QDQ", "QOperator", "dynamic")}
_OPTIMISED = "ONNX Runtime extended"
_CHANGED = (*_QUANTISED, _OPTIMISED, "float16", "float16 inside", "uint8 NHWC", "batch of 1")
_SEVERAL = {("torchvision", "resnet18"), ("torchvision", "mobilenet_v3_small")}
_FURTHER = {
    ("timm", "deit_tiny_patch16_224"): (
        *("TorchScript 13", "default 24", "8 bits QOperator", "8 bits dynamic", "float16"),
        _OPTIMISED,
    ),
    ("torchvision", "convnext_tiny"): ("default 20",), ("torchvision", "swin_t"): ("default 20",),
    ("torchvision", "vit_b_32"): ("default 24",), ("timm", "levit_128s"): ("default 20",),
    ("timm", "convnextv2_atto"): ("default 20", "TorchScript 13"),
    ("torchvision", "efficientnet_b0"): ("TorchScript 11",),
}  # fmt: skip

# The others of timm are measured if all are asked for: one of each kind is enough here.
_TIMM = frozenset(
    "caformer_s18 coatnet_pico_rw_224 convmixer_768_32 convnextv2_atto deit_tiny_patch16_224 dla34 "
    "dpn68 edgenext_xx_small efficientvit_b0 ese_vovnet19b_dw fastvit_t8 ghostnet_050 hgnet_tiny "
    "hrnet_w18_small inception_next_atto lcnet_050 levit_128s mambaout_femto mixer_s32_224 "
    "mobilenetv4_conv_small mobileone_s0 mobilevit_xxs mvitv2_tiny pit_ti_224 poolformer_s12 "
    "pvt_v2_b0 repvgg_a0 res2net50_14w_8s resnest14d resnetv2_50x1_bit rexnet_100 skresnet18 "
    "starnet_s1 swiftformer_xs tf_efficientnet_lite0 vit_tiny_patch16_224 xception41 "
    "xcit_nano_12_p16_224".split()
)


class Key(NamedTuple):
    """One file of one network."""

    library: str
    network: str
    form: str


def keys(keras: Path, *, everything: bool = False) -> Iterator[Key]:
    """The files; those of Keras as they lie in a folder of `benchmarks.layers.keras_files`."""
    from benchmarks.layers import handmade
    from benchmarks.layers.torch_families import TIMM, TORCHVISION

    for file in sorted((ROOT / "models").glob("*.onnx")):
        yield Key(SHIPPED, file.stem, "as shipped")
    libraries = {"handmade": handmade.NETWORKS, "torchvision": TORCHVISION, "timm": TIMM}
    for library, names in libraries.items():
        for name in names:
            if library == "timm" and name not in _TIMM and not everything:
                continue
            yield Key(library, name, _PLAIN)
            further = _FURTHER.get((library, name), ())
            if (library, name) in _SEVERAL:
                further = ("TorchScript 13", "default 20", *_CHANGED)
            yield from (Key(library, name, form) for form in further)
    for file in sorted(keras.glob("*/*.onnx")):
        yield Key("Keras", file.stem, file.parent.name)


def place(key: Key, cache_folder: Path, keras: Path) -> Path:
    """Where a file lies, or is to be written."""
    if key.library == SHIPPED:
        return ROOT / "models" / f"{key.network}.onnx"
    folder = keras if key.library == "Keras" else cache_folder / key.library
    return folder / key.form / f"{key.network}.onnx"


def write(key: Key, path: Path) -> None:
    """Make the file of a PyTorch network."""
    path.parent.mkdir(parents=True, exist_ok=True)
    if key.form in _EXPORTERS:
        net, side = _made(key)
        torch.manual_seed(1)
        model = forms.export(net, forms.images(side), path, *_EXPORTERS[key.form])
    else:
        plain = path.parents[1] / _PLAIN / path.name
        if not plain.is_file():
            write(key._replace(form=_PLAIN), plain)
        model = _changed(onnx.load(plain), key, path)
    onnx.save(model, path)


@cache
def _made(key: Key) -> tuple[torch.nn.Module, int]:
    from benchmarks.layers.networks import made

    net, expert = made(key.library, key.network)
    return net, expert.side


def _changed(model: onnx.ModelProto, key: Key, path: Path) -> onnx.ModelProto:
    side = model.graph.input[0].type.tensor_type.shape.dim[-1].dim_value
    if key.form in _QUANTISED:
        return forms.quantised(model, side, _QUANTISED[key.form], path)
    if key.form == _OPTIMISED:
        return forms.optimised(model, key.form.split()[-1], path)
    if key.form == "uint8 NHWC":
        return forms.pixels_inside(model, side)
    if key.form == "batch of 1":
        return forms.fixed_batch(model)
    return forms.half(model, keep_io_types=key.form == "float16 inside")
