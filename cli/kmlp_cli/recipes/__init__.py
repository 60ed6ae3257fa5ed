"""Labs as files: what to train, and what was published of it."""

from kmlp_cli.recipes.reading import bundled, read_recipe, recipe_text
from kmlp_cli.recipes.recipe import Recipe

__all__ = ["Recipe", "bundled", "read_recipe", "recipe_text"]
