"""Methods that only some networks allow, for tests that run all of them."""

from onnxplain.methods import registered

NEED_ATTENTION = frozenset({"attn-lrp", "attention-rollout", "gradient-attention-rollout"})
NEED_BOXES = frozenset({"d-rise", "g-came", "odam"})
# What takes a file of features selected for the model.
NEED_FEATURES = frozenset(name for name, method in registered().items() if method.asks)
# What a convolutional network allows.
_LACKING = NEED_ATTENTION | NEED_BOXES | NEED_FEATURES
WITHOUT_ATTENTION = [name for name in registered() if name not in _LACKING]
