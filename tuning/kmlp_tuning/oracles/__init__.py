"""Keras Tuner's oracles, which choose the next trial of a search."""
