"""How fast occlusion is: sections, whole inputs, Captum; on a CPU and on a GPU."""
