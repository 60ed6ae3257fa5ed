"""The definition of a run: its configuration, and the Keras model that it describes."""
