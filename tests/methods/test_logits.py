"""Methods that start at logits: which targets they take."""

import numpy as np
import pytest
from handmade import context_of, model, target_of

from onnxplain.errors import MethodRefusedError
from onnxplain.methods.logits import require_logit

BODY = "f = Flatten(image) z = MatMul(f, w) scores = Softmax(z)"


@pytest.fixture(scope="module")
def context():
    return context_of(model(BODY, w=np.ones((108, 3))))


def test_logits_pass(context):
    require_logit("cam explains", context.network, target_of(context, 1))
    require_logit("cam explains", context.network, target_of(context, 1, contrast=0))
    require_logit("cam explains", context.network, target_of(context, 1, margin=True))


def test_a_probability_is_refused_with_the_method_that_takes_it(context):
    with pytest.raises(MethodRefusedError, match=r"^cam explains logits, .*probability.*grad-cam"):
        require_logit("cam explains", context.network, target_of(context, 1, "probability"))
