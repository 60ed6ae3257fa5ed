"""Sources of datasets: bundled files, a user's files and pictures, TensorFlow Datasets."""
