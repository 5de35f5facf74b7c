"""Audits of detectors: what became of each box, and whether what lies beside objects decides."""
