"""Which cell answers for which object, and how wrong its answer is."""

import torch
from detector_network import cells
from torch import Tensor
from torch.nn import functional

# Longer sides of objects, in strides, for which a scale answers.
_SHORTEST, _LONGEST = 1.25, 2.5
# Cells whose centres are at most so many strides from an object's centre answer for it.
_REACH = 1.0
_BOX_WEIGHT, _DISTANCE_WEIGHT = 4.0, 0.5


class DetectorLoss:
    """Binary cross-entropy of classes, generalised overlap and distance of boxes.

    Parameters
    ----------
    side : int
        Height and width of the pictures.
    """

    def __init__(self, side: int) -> None:
        self.centres, self.strides = cells(side)

    def __call__(self, distances: Tensor, logits: Tensor, boxes: Tensor) -> Tensor:
        """Return the mean loss of a batch.

        Parameters
        ----------
        distances, logits : Tensor
            As `Detector` returns them.
        boxes : (N, M, 5) Tensor
            Left, top, right, bottom and class; the class of rows that are none is -1.
        """
        picture, cell, which = self.assigned(boxes)
        truth = boxes[picture, which]
        wanted = torch.zeros_like(logits)
        # A cell is to say how well its box fits: what suppression sorts by.
        left_top, right_bottom = self.centres[cell], self.centres[cell]
        reach = distances[picture, :, cell] * self.strides[cell]
        said = torch.cat([left_top - reach[:, :2], right_bottom + reach[:, 2:]], dim=1)
        overlap, generalised = overlaps(said, truth[:, :4])
        wanted[picture, truth[:, 4].long(), cell] = overlap.detach().clamp(min=0.1)
        count = max(1, len(cell))
        kinds = functional.binary_cross_entropy_with_logits(logits, wanted, reduction="sum")
        off = functional.smooth_l1_loss(
            said / self.strides[cell], truth[:, :4] / self.strides[cell], reduction="sum"
        )
        fit = (1 - generalised).sum()
        return (kinds + _BOX_WEIGHT * fit + _DISTANCE_WEIGHT * off) / count

    def assigned(self, boxes: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Picture, cell and object of each cell that answers; of two objects the smaller."""
        corners = boxes[..., None, :4]
        middle = (corners[..., :2] + corners[..., 2:]) / 2
        size = corners[..., 2:] - corners[..., :2]
        longer = size.amax(dim=-1) / self.strides[:, 0]
        smallest, largest = self.strides.min(), self.strides.max()
        fits = (longer > _SHORTEST) | (self.strides[:, 0] == smallest)
        fits &= (longer <= _LONGEST) | (self.strides[:, 0] == largest)
        near = (self.centres - middle).abs().amax(dim=-1) <= _REACH * self.strides[:, 0]
        inside = ((self.centres - middle).abs() < size / 2).all(dim=-1)
        answers = fits & near & inside & (boxes[..., 4:] >= 0)
        area = torch.where(answers, size.prod(dim=-1), torch.inf)
        least, which = area.min(dim=1)
        picture, cell = torch.nonzero(least.isfinite(), as_tuple=True)
        return picture, cell, which[picture, cell]


def overlaps(boxes: Tensor, others: Tensor) -> tuple[Tensor, Tensor]:
    """Intersection over union of pairs, and its generalised form (Rezatofighi et al. 2019)."""
    shared = torch.minimum(boxes[:, 2:], others[:, 2:]) - torch.maximum(boxes[:, :2], others[:, :2])
    around = torch.maximum(boxes[:, 2:], others[:, 2:]) - torch.minimum(boxes[:, :2], others[:, :2])
    common, hull = shared.clamp(min=0).prod(dim=1), around.prod(dim=1)
    areas = [(b[:, 2:] - b[:, :2]).prod(dim=1) for b in (boxes, others)]
    union = areas[0] + areas[1] - common + 1e-6
    overlap = common / union
    return overlap, overlap - (hull - union) / (hull + 1e-6)
