"""The forms in which one network is deployed: exporters, element types, optimisations."""

from __future__ import annotations

import copy
import logging
import warnings
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime
import torch
from onnx import TensorProto, helper
from onnxruntime.quantization import (
    CalibrationDataReader,
    QuantFormat,
    QuantType,
    quantize_dynamic,
    quantize_static,
)
from onnxruntime.quantization.matmul_nbits_quantizer import (
    DefaultWeightOnlyQuantConfig,
    MatMulNBitsQuantizer,
)
from onnxruntime.transformers import optimizer
from onnxruntime.transformers.float16 import convert_float_to_float16
from torch import Tensor, nn

LEVELS = {
    "basic": onnxruntime.GraphOptimizationLevel.ORT_ENABLE_BASIC,
    "extended": onnxruntime.GraphOptimizationLevel.ORT_ENABLE_EXTENDED,
    "all": onnxruntime.GraphOptimizationLevel.ORT_ENABLE_ALL,
}


def export(
    net: nn.Module,
    inputs: Mapping[str, Tensor],
    path: Path,
    exporter: str,
    opset: int,
    *,
    unfolded: bool = False,
) -> onnx.ModelProto:
    """Export with a free batch size; unfolded keeps batch normalisation in the file."""
    names: dict[str, Any] = {
        "input_names": list(inputs), "output_names": ["y"], "opset_version": opset
    }  # fmt: skip
    args = tuple(inputs.values())
    logging.disable(logging.WARNING)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            if exporter == "torchscript":
                if unfolded:
                    mode = torch.onnx.TrainingMode.PRESERVE
                    names |= {"training": mode, "do_constant_folding": False}
                axes = {name: {0: "n"} for name in (*inputs, "y")}
                torch.onnx.export(net, args, path, dynamo=False, dynamic_axes=axes, **names)
            else:
                free = tuple({0: torch.export.Dim("n")} for _ in inputs)
                torch.onnx.export(
                    net, args, path, dynamo=True, dynamic_shapes=free, external_data=False,
                    verbose=False, **names,
                )  # fmt: skip
        finally:
            logging.disable(logging.NOTSET)
    return onnx.load(path)


def images(side: int, dtype: torch.dtype = torch.float32) -> dict[str, Tensor]:
    """Two images to export with."""
    return {"x": torch.randn(2, 3, side, side, dtype=dtype)}


def half(model: onnx.ModelProto, *, keep_io_types: bool) -> onnx.ModelProto:
    """Copy in float16."""
    return convert_float_to_float16(copy.deepcopy(model), keep_io_types=keep_io_types)


def fixed_batch(model: onnx.ModelProto) -> onnx.ModelProto:
    """Copy that takes one image."""
    model = copy.deepcopy(model)
    for value in (*model.graph.input, *model.graph.output):
        value.type.tensor_type.shape.dim[0].dim_value = 1
    return model


def pixels_inside(model: onnx.ModelProto, side: int) -> onnx.ModelProto:
    """Copy that takes uint8 NHWC pixels of twice the side and scales and normalises them."""
    model = copy.deepcopy(model)
    old = model.graph.input[0].name
    constants = {
        "mean": np.array([123.7, 116.3, 103.5], np.float32),
        "std": np.array([58.4, 57.1, 57.4], np.float32),
        "factors": np.array([1, 1, 0.5, 0.5], np.float32),
    }
    nodes = [
        helper.make_node("Cast", ["pixels"], ["as_float"], to=TensorProto.FLOAT),
        helper.make_node("Sub", ["as_float", "mean"], ["centred"]),
        helper.make_node("Div", ["centred", "std"], ["scaled"]),
        helper.make_node("Transpose", ["scaled"], ["planes"], perm=[0, 3, 1, 2]),
        helper.make_node("Resize", ["planes", "", "factors"], [old], mode="linear"),
    ]
    for name, array in constants.items():
        model.graph.initializer.append(onnx.numpy_helper.from_array(array, name))
    for node in reversed(nodes):
        model.graph.node.insert(0, node)
    shape = ["n", 2 * side, 2 * side, 3]
    del model.graph.input[:]
    model.graph.input.append(helper.make_tensor_value_info("pixels", TensorProto.UINT8, shape))
    return model


def optimised(model: onnx.ModelProto, level: str, path: Path) -> onnx.ModelProto:
    """Write what ONNX Runtime makes of the model at one of `LEVELS`."""
    options = onnxruntime.SessionOptions()
    options.graph_optimization_level = LEVELS[level]
    options.optimized_model_filepath = str(path)
    options.log_severity_level = 3
    onnxruntime.InferenceSession(
        model.SerializeToString(), options, providers=["CPUExecutionProvider"]
    )
    return onnx.load(path)


class _Noise(CalibrationDataReader):
    def __init__(self, side: int) -> None:
        rng = np.random.default_rng(1)
        self.batches: Iterator[np.ndarray] = iter(
            rng.standard_normal((6, 2, 3, side, side)).astype(np.float32)
        )

    def get_next(self) -> dict[str, np.ndarray] | None:
        batch = next(self.batches, None)
        return None if batch is None else {"x": batch}


def quantised(model: onnx.ModelProto, side: int, form: str, path: Path) -> onnx.ModelProto:
    """Quantise to 8 bits: ``QDQ``, ``QOperator`` or ``dynamic``."""
    source = path.with_suffix(".float.onnx")
    onnx.save(model, source)
    logging.disable(logging.WARNING)
    try:
        if form == "dynamic":
            quantize_dynamic(source, path, weight_type=QuantType.QUInt8)
        else:
            quantize_static(
                source, path, _Noise(side), quant_format=QuantFormat[form], per_channel=True,
                weight_type=QuantType.QInt8, activation_type=QuantType.QUInt8,
            )  # fmt: skip
    finally:
        logging.disable(logging.NOTSET)
    return onnx.load(path)


def weight_only(model: onnx.ModelProto, bits: int, *, level: int = 0) -> onnx.ModelProto:
    """Store weights of products and tables in blocks of 4 or 8 bits."""
    settings = DefaultWeightOnlyQuantConfig(
        block_size=16, accuracy_level=level, bits=bits, op_types_to_quantize=("MatMul", "Gather")
    )
    quantizer = MatMulNBitsQuantizer(copy.deepcopy(model), algo_config=settings)
    quantizer.process()
    return quantizer.model.model


def fused(model: onnx.ModelProto, path: Path, *, heads: int, width: int) -> onnx.ModelProto:
    """Fuse as the transformer optimiser does."""
    onnx.save(model, path)
    made = optimizer.optimize_model(
        str(path), "bert", num_heads=heads, hidden_size=width, opt_level=0
    )
    made.save_model_to_file(str(path))  # declares the domains, too
    return onnx.load(path)
