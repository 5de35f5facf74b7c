"""Annotated boxes of pictures, in the formats of COCO, YOLO and Pascal VOC."""
