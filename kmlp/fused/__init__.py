"""A faster `fit` for small models: many steps in one compiled program."""
