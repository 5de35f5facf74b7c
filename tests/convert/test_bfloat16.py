"""Files in bfloat16, for which ONNX Runtime has hardly a kernel on the CPU.

They are judged against ONNX Runtime on the same weights, rounded to bfloat16, in float32.
"""

import copy
from pathlib import Path

import ml_dtypes
import numpy as np
import onnx
import pytest
import torch
from onnx import TensorProto, numpy_helper

from onnxplain.convert import to_torch
from onnxplain.graph.prepare import prepare
from tests.convert.oracle import expected
from tests.convert.quantised_networks import digits

MODELS = Path(__file__).parents[2] / "models"
HALF = TensorProto.BFLOAT16


def rounded(model, kind):
    """The model with weights rounded to bfloat16 and stored as `kind`."""
    model = copy.deepcopy(model)
    for tensor in model.graph.initializer:
        if tensor.data_type == TensorProto.FLOAT:
            array = numpy_helper.to_array(tensor).astype(ml_dtypes.bfloat16)
            array = array if kind == HALF else array.astype(np.float32)
            tensor.CopyFrom(numpy_helper.from_array(array, tensor.name))
    for value in (*model.graph.input, *model.graph.output):
        value.type.tensor_type.elem_type = kind
    del model.graph.value_info[:]
    model.opset_import[0].version = max(model.opset_import[0].version, 22)
    model.ir_version = 10
    onnx.checker.check_model(model, full_check=True)
    return model


@pytest.mark.parametrize("name", ["digits-softmax", "digits-gap"])
def test_a_file_in_bfloat16_is_its_weights_in_float32(name):
    original = onnx.load(MODELS / f"{name}.onnx")
    original = onnx.version_converter.convert_version(original, 22)
    x, output = digits(4, 0), original.graph.output[0].name
    wanted = expected(rounded(original, TensorProto.FLOAT), {"image": x})[output]
    program = to_torch(prepare(rounded(original, HALF))).widen_halves()
    leaf = torch.from_numpy(x).requires_grad_()
    got = program.run({"image": leaf}, [output])[output]
    change = np.ptp(wanted, axis=0).max()
    assert np.abs(got.detach().numpy() - wanted).max() < 1e-4 * change
    # The rounding of the weights shows, so that the comparison can tell.
    exact = expected(original, {"image": x})[output]
    assert np.abs(exact - wanted).max() > 1e-4 * change
    got[:, 0].sum().backward()
    twin = to_torch(prepare(rounded(original, TensorProto.FLOAT)))
    other = torch.from_numpy(x).requires_grad_()
    twin.run({"image": other}, [output])[output][:, 0].sum().backward()
    torch.testing.assert_close(leaf.grad, other.grad, rtol=1e-4, atol=1e-6)
