"""Detectors against annotated boxes: found, missed, wrong, and how precise on average."""
