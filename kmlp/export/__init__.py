"""Results for other programs: JSON, tables in files, TensorBoard logs."""
