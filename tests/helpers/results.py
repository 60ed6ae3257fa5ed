"""Compare results of equal runs, which differ in the time they took."""

import re


def without_seconds(item):
    """The same dicts, lists and texts without any measured time."""
    if isinstance(item, dict):
        return {k: without_seconds(v) for k, v in item.items() if "seconds" not in k}
    if isinstance(item, str):
        return re.sub(r" \(\d+\.\d s\)", "", item)
    return [without_seconds(it) for it in item] if isinstance(item, list) else item
