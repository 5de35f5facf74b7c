"""Suspected shortcuts: places that many pictures of a class share."""
