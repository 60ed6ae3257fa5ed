"""Has tasks run by a Ray cluster.

The engine's process talks to a helper process, which alone imports Ray: Ray ends a
process that has lost its cluster, and is not to end the user's.

    _executor.py  the executor, in the engine's process
    _helper.py    the helper process: its messages, and its loop
    _pool.py      which worker gets which task; when workers are started and released
    _cluster.py   connecting; the nodes, what fits on them, and how they differ
    _on_node.py   what runs on the nodes
    _installation.py what can be said of Ray without importing it
"""

from kmlp.executors.ray._executor import RayExecutor

__all__ = ["RayExecutor"]
