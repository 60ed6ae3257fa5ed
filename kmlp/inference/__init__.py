"""The use of a trained model: class probabilities, predictions, an evaluation."""
