"""Sources of datasets: the package, files, folders of pictures, TensorFlow Datasets."""
