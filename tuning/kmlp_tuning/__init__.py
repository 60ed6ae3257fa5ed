"""The search for good hyperparameters with Keras Tuner; imports kmlp."""
