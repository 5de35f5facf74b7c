"""Random networks whose output is their whole last feature map, so that no wrong cell hides."""

import numpy as np
import onnx
from onnx import helper


class Net:
    """Grows node by node; `tensor` is the newest one, with `channels` channels."""

    def __init__(self, seed: int) -> None:
        self.draw = np.random.default_rng(seed)
        self.nodes: list[onnx.NodeProto] = []
        self.weights: list[onnx.TensorProto] = []
        self.tensor, self.channels = "image", 3
        self.size = tuple(int(v) for v in self.draw.integers(41, 60, 2))

    def name(self) -> str:
        return f"t{len(self.nodes)}"

    def constant(self, values) -> str:
        name = f"w{len(self.weights)}"
        self.weights.append(onnx.numpy_helper.from_array(np.asarray(values, np.float32), name))
        return name

    def add(self, kind, inputs, **attributes) -> str:
        output = self.name()
        self.nodes.append(
            helper.make_node(kind, inputs, [output], name=f"n_{output}", **attributes)
        )
        return output

    def conv(self, source, inputs, outputs, kernel, group=1, **attributes) -> str:
        shape = (outputs, inputs // group, *kernel)
        weight = self.draw.standard_normal(shape) / np.sqrt(np.prod(shape[1:]))
        bias = self.constant(self.draw.standard_normal(outputs))
        return self.add(
            "Conv", [source, self.constant(weight), bias],
            kernel_shape=list(kernel), group=group, **attributes,
        )  # fmt: skip

    def plain(self) -> None:
        """Any kernel, stride, dilation and padding, "same" and uneven ones too."""
        size, stride = int(self.draw.choice([1, 2, 3, 5])), int(self.draw.choice([1, 1, 2]))
        dilation = 2 if stride == 1 and size > 1 and self.draw.random() < 0.4 else 1
        attributes = {"strides": [stride] * 2, "dilations": [dilation] * 2}
        automatic = self.draw.choice(["", "SAME_UPPER", "SAME_LOWER", "VALID"])
        if automatic and dilation == 1:
            attributes["auto_pad"] = str(automatic)
        else:
            attributes["pads"] = [int(v) for v in self.draw.integers(0, min(size, 3), 4)]
        made = self.conv(self.tensor, self.channels, 6, (size, size), **attributes)
        self.tensor, self.channels = self.add("Relu", [made]), 6

    def pool(self) -> None:
        size, stride = int(self.draw.choice([2, 3])), int(self.draw.choice([1, 2]))
        attributes = {
            "kernel_shape": [size] * 2,
            "strides": [stride] * 2,
            "pads": [int(v) for v in self.draw.integers(0, size, 4)],
            "ceil_mode": int(self.draw.integers(0, 2)),
        }
        if attributes["ceil_mode"]:
            # ONNX and ONNX Runtime disagree on windows that begin in the padding.
            attributes["pads"][2:] = [0, 0]
        kind = str(self.draw.choice(["MaxPool", "AveragePool"]))
        if kind == "AveragePool":
            attributes["count_include_pad"] = int(self.draw.integers(0, 2))
        self.tensor = self.add(kind, [self.tensor], **attributes)

    def residual(self) -> None:
        stride = [int(self.draw.choice([1, 2]))] * 2
        first = self.conv(self.tensor, self.channels, 6, (3, 3), strides=stride, pads=[1] * 4)
        deep = self.conv(self.add("Relu", [first]), 6, 6, (3, 3), group=6, pads=[1] * 4)
        short = self.conv(self.tensor, self.channels, 6, (1, 1), strides=stride)
        self.tensor, self.channels = self.add("Add", [deep, short]), 6

    def branches(self) -> None:
        wide = self.conv(self.tensor, self.channels, 3, (1, 7), pads=[0, 3, 0, 3])
        square = self.conv(self.tensor, self.channels, 3, (3, 3), pads=[1] * 4)
        pooled = self.add(
            "AveragePool", [self.tensor], kernel_shape=[3, 3], pads=[1] * 4, count_include_pad=0
        )
        self.tensor = self.add("Concat", [wide, square, pooled], axis=1)
        self.channels += 6

    def channels_last(self) -> None:
        """A block as ConvNeXt has it: normalisation and a matrix, channels last."""
        moved = self.add("Transpose", [self.tensor], perm=[0, 2, 3, 1])
        scale = self.constant(self.draw.uniform(0.5, 1.5, self.channels))
        normal = self.add("LayerNormalization", [moved, scale], axis=-1)
        matrix = self.constant(self.draw.standard_normal((self.channels, self.channels)))
        mixed = self.add("MatMul", [normal, matrix])
        self.tensor = self.add("Transpose", [mixed], perm=[0, 3, 1, 2])

    def shuffle(self) -> None:
        """Channels in two groups, interleaved; the file writes the sizes as numbers."""
        if self.channels % 2:
            return
        model = self.model([self.tensor])
        inferred = onnx.shape_inference.infer_shapes(model).graph.output[0]
        high, wide = (d.dim_value for d in inferred.type.tensor_type.shape.dim[2:])
        half = self.channels // 2
        shapes = [[-1, 2, half, high, wide], [-1, self.channels, high, wide]]
        for k, shape in enumerate(shapes):
            name = f"s{len(self.weights)}"
            self.weights.append(onnx.numpy_helper.from_array(np.array(shape), name))
            self.tensor = self.add("Reshape", [self.tensor, name])
            if k == 0:
                self.tensor = self.add("Transpose", [self.tensor], perm=[0, 2, 1, 3, 4])

    def model(self, outputs) -> onnx.ModelProto:
        graph = helper.make_graph(
            self.nodes,
            "net",
            [helper.make_tensor_value_info("image", 1, ["N", 3, *self.size])],
            [helper.make_tensor_value_info(n, 1, None) for n in outputs],
            self.weights,
        )
        return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)


def random_net(seed: int) -> tuple[onnx.ModelProto, str]:
    """Four to six random blocks; the model and the name of its last feature map."""
    net = Net(seed)
    blocks = [net.plain, net.plain, net.pool, net.residual, net.branches]
    blocks += [net.channels_last, net.shuffle]
    for k in net.draw.integers(0, len(blocks), net.draw.integers(4, 7)):
        blocks[k]()
    if net.tensor == "image":
        net.plain()
    return net.model([net.tensor]), net.tensor
