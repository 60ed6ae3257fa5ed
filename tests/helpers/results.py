"""Compare results of equal runs, which differ in the time they took."""


def without_seconds(item):
    """The same dicts and lists without any measured time."""
    if isinstance(item, dict):
        return {k: without_seconds(v) for k, v in item.items() if "seconds" not in k}
    return [without_seconds(it) for it in item] if isinstance(item, list) else item
