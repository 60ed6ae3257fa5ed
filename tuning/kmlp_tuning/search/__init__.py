"""Searches: settings, the planner, trials and their results."""
