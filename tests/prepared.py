"""Photos and models on which a preprocessing is compared with a framework's own."""

import graphs
import numpy as np
from PIL import Image

HALF = [0.5, 0.5, 0.5]
MEAN, STD = [0.485, 0.456, 0.406], [0.229, 0.224, 0.225]
SHAPES = [(301, 200), (200, 301), (97, 130), (64, 64), (33, 20)]


def photo(width, height, seed=0):
    rng = np.random.default_rng(seed)
    coarse = rng.integers(0, 256, (6, 6, 3)).astype(np.uint8)
    smooth = np.asarray(Image.fromarray(coarse).resize((width, height), 3), float)
    return Image.fromarray(np.clip(smooth + rng.normal(0, 12, smooth.shape), 0, 255).astype("u1"))


def classifier(size=(32, 32), layout="NCHW"):
    """Model of a free or fixed size whose scores nobody looks at."""
    proto = graphs.classifier(layout=layout, final="Softmax")
    rows = 2 if layout == "NCHW" else 1
    for k, side in enumerate(size or ("height", "width")):
        dim = proto.graph.input[0].type.tensor_type.shape.dim[rows + k]
        dim.Clear()
        if isinstance(side, int):
            dim.dim_value = side
        else:
            dim.dim_param = side
    return proto


def both(data, **more):
    return {"do_resize": True, "do_rescale": True, "rescale_factor": 1 / 255, "do_normalize": True,
            "image_mean": MEAN, "image_std": STD, **data, **more}  # fmt: skip
