"""Execution on a Ray cluster.

Only a helper process imports Ray, because Ray ends a process that loses its cluster. The
user's process sends tasks to the helper process.

    _executor.py        the executor, in the user's process
    _helper_process.py  the user's end of the messages to the helper process
    _helper.py          the helper process: its messages, and its loop
    _pool.py            the workers: the task of each, their start and their release
    _cluster.py         the connection; the nodes, their capacity and their versions
    _on_node.py         the code that runs on the nodes
    _installation.py    checks that do not import Ray
"""

from kmlp.executors.ray._executor import RayExecutor

__all__ = ["RayExecutor"]
