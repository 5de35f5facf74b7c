"""Exact incremental occlusion: compute only what a window can change."""
