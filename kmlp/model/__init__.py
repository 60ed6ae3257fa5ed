"""The configuration of a run, and the Keras model that the configuration describes."""
