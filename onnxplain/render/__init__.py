"""Pictures of explanations: overlays, sheets and occlusion's own maps."""
