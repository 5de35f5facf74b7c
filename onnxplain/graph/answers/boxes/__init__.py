"""Where a detector's boxes, scores and labels stand in its outputs."""
