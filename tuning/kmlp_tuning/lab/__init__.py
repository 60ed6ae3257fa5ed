"""Labs as files: the studies to train, and their published values."""
