"""The search space: fields with their domains, and Keras models drawn from it."""
