"""Labs as files: what to train, and what was published of it."""

from kmlp_tuning.lab.reading import bundled, read_recipe, recipe_text
from kmlp_tuning.lab.recipe import Recipe

__all__ = ["Recipe", "bundled", "read_recipe", "recipe_text"]
