"""Which shape? Layers, width, heads and feed-forward for N parameters, and what shapes cost."""

from __future__ import annotations

from isoloss.planning.shapes.effect import ShapeEffect, shape_effect
from isoloss.planning.shapes.ladders import PUBLISHED, Prior, aspect_prior
from isoloss.planning.shapes.result import Shape, Shapes
from isoloss.planning.shapes.search import Wish
from isoloss.planning.shapes.shape import shape

__all__ = [
    "PUBLISHED",
    "Prior",
    "Shape",
    "ShapeEffect",
    "Shapes",
    "Wish",
    "aspect_prior",
    "shape",
    "shape_effect",
]
