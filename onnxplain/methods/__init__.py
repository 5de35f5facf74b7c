"""Methods as plain functions, each in a module that is imported when it is asked for."""

from onnxplain.methods.registry import Method, find, known, registered, stand_in

__all__ = ["Method", "find", "known", "registered"]

# Modules of this package with the names of their methods, in the order in which they are listed.
# A command that asks for one method does not wait for the others; a test compares the names.
_MODULES = {
    "ablation_cam": ("ablation-cam",),
    "attention_rollout": ("attention-rollout", "gradient-attention-rollout"),
    "gradients": ("saliency", "gradient", "gradient-x-input"),
    "lrp": ("lrp",),
    "attn_lrp": ("attn-lrp",),
    "blur_ig": ("blur-ig",),
    "grad_cam": ("grad-cam", "counterfactual-grad-cam", "grad-cam++"),
    "box_cams": ("g-came", "odam"),
    "cam": ("cam",),
    "clear": ("clear",),
    "rise": ("rise",),
    "d_rise": ("d-rise",),
    "deep_taylor": ("deep-taylor",),
    "deeplift": ("deeplift",),
    "eigen_cam": ("eigen-cam",),
    "enriched": ("enriched", "activation"),
    "expected_gradients": ("expected-gradients",),
    "guided": ("guided-backprop", "deconvnet", "guided-grad-cam"),
    "guided_ig": ("guided-ig",),
    "hsic": ("hsic",),
    "integrated_gradients": ("integrated-gradients",),
    "kernel_shap": ("kernel-shap",),
    "layercam_scales": ("layercam-scales",),
    "libragrad": ("libragrad",),
    "lime": ("lime",),
    "occlusion": ("occlusion",),
    "place_cams": ("hirescam", "xgrad-cam", "layercam"),
    "prediction_difference": ("prediction-difference",),
    "recipro_cam": ("recipro-cam",),
    "region_search": ("region-search",),
    "score_cam": ("score-cam",),
    "smoothgrad": ("smoothgrad", "smoothgrad-squared", "vargrad"),
    "sobol": ("sobol",),
}

stand_in(__name__, _MODULES)
