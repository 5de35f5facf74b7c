"""Noisy linear imputation without its noise, one equation for each pixel, solved densely."""

import numpy as np


def by_hand(values, removed):
    """Rong et al. 2022: one equation for each removed pixel and channel."""
    height, width = removed.shape
    unknowns = [(r, c) for r in range(height) for c in range(width) if removed[r, c]]
    filled = values.astype(float).copy()
    for channel in range(values.shape[2]):
        left, right = np.zeros((len(unknowns), len(unknowns))), np.zeros(len(unknowns))
        for k, (r, c) in enumerate(unknowns):
            around = [
                (r + i, c + j, 1 / 12 if i and j else 1 / 6)
                for i in (-1, 0, 1)
                for j in (-1, 0, 1)
                if (i or j) and 0 <= r + i < height and 0 <= c + j < width
            ]
            total = sum(weight for _, _, weight in around)
            left[k, k] = 1.0
            for row, column, weight in around:
                if removed[row, column]:
                    left[k, unknowns.index((row, column))] -= weight / total
                else:
                    right[k] += weight / total * values[row, column, channel]
        for pixel, value in zip(unknowns, np.linalg.solve(left, right), strict=True):
            filled[(*pixel, channel)] = value
    return filled
