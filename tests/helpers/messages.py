"""Read what messages tell, whatever their words."""

import re


def numbers(text):
    """The whole numbers of a text, in order: `[1200, 3]` of "1,200 epochs, 3 runs"."""
    return [int(it.replace(",", "")) for it in re.findall(r"\d[\d,]*", text)]
