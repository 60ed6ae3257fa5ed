"""Garbage is collected when little is looked through."""

import gc
import weakref

import pytest

from kmlp._util.garbage import collected_once

pytestmark = pytest.mark.once


@pytest.mark.parametrize("enabled", [True, False])
def test_garbage_is_collected_once_and_among_new_objects_only(enabled):
    class Node:
        pass

    def record(phase, info):
        if phase == "start":
            generations.append(info["generation"])

    generations, was_enabled = [], gc.isenabled()
    (gc.enable if enabled else gc.disable)()
    gc.callbacks.append(record)
    try:
        with collected_once():
            node = Node()
            node.itself = node
            garbage = weakref.ref(node)
            del node
            many = [[] for _ in range(10_000)]  # at other times, these start collections
        assert generations == [0]
        assert garbage() is None
        assert gc.isenabled() is enabled
    finally:
        gc.callbacks.remove(record)
        (gc.enable if was_enabled else gc.disable)()
        del many
