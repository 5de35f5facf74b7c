"""Methods that only some networks allow, for tests that run all of them."""

from onnxplain.methods import registered

NEED_ATTENTION = frozenset(
    {"attn-lrp", "attention-rollout", "gradient-attention-rollout", "legrad"}
)
NEED_BOXES = frozenset({"d-rise", "g-came", "odam"})
# What a convolutional network allows.
WITHOUT_ATTENTION = [name for name in registered() if name not in NEED_ATTENTION | NEED_BOXES]
