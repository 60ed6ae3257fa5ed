"""Labs as files: what to train, and what was published of it."""
