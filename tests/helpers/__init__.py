"""What several tests share: made-up runs and data, processes, stores, clusters."""
