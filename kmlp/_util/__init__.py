"""Private helpers that know nothing of networks: text, files, processes, random numbers."""
