"""Has tasks run by a Ray cluster.

The engine's process talks to a helper process, which alone imports Ray: Ray ends a
process that has lost its cluster, and is not to end the user's.

    executor.py   the executor, in the engine's process
    helper.py     the helper process: its messages, and its loop
    pool.py       which worker gets which task; when workers are started and released
    cluster.py    connecting; the nodes, what fits on them, and how they differ
    on_node.py    what runs on the nodes
    installation.py  what can be said of Ray without importing it
"""

from kmlp.executors.ray.executor import RayExecutor

__all__ = ["RayExecutor"]
