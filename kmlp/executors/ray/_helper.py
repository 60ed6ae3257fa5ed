"""The helper process: its messages to and from the user's process, and its loop.

Messages are tuples that begin with a word. The helper receives `settings` first, then
`dataset`, `submit` and `backlogged`. At the end of its input, it releases all workers. It
sends `connected` and `ready`, then `room`, `done`, `warning` and `alive`. After an
error, the helper sends `error` and ends.
"""

from __future__ import annotations

import contextlib
import os
import pickle
import queue
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import IO, Any

import ray

from kmlp._util.processes import ignore_signals
from kmlp.errors import ClusterError, ConfigError, KmlpError
from kmlp.executors.ray._cluster import (
    capacity,
    check_placement,
    connect,
    describe_nodes,
    living_nodes,
    mismatch,
)
from kmlp.executors.ray._pool import Pool

SECONDS_BETWEEN_LOOKS = 1.0
"""The time between two requests for the list of nodes, in seconds."""


def main() -> None:
    """Run the helper process."""
    out = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # stdout is for messages, and Ray prints on it
    lock = threading.Lock()

    def send(message: tuple[Any, ...]) -> None:
        with lock:
            pickle.dump(message, out, protocol=pickle.HIGHEST_PROTOCOL)
            out.flush()

    temporary = tempfile.TemporaryDirectory(prefix="kmlp-", ignore_cleanup_errors=True)
    try:
        with temporary as folder:
            _serve(sys.stdin.buffer, send, Path(folder))
    except BrokenPipeError:  # the user's process has ended
        pass
    except KmlpError as error:
        problems = error.problems if isinstance(error, ConfigError) else [str(error)]
        send(("error", type(error).__name__, problems))
        os._exit(1)  # without waiting for threads


def _serve(
    source: IO[bytes], send: Callable[[tuple[Any, ...]], None], folder: Path
) -> None:
    _, settings = pickle.load(source)
    resources, backend = settings["resources"], settings["setup"]["backend"]
    ignore_signals()
    connect(settings["address"], settings["runtime_env"], folder)
    ignore_signals()  # again, because Ray installs handlers
    send(("connected",))
    nodes = living_nodes()
    reports = describe_nodes(nodes, backend)
    descriptions = [{**node.to_dict(), **reports.get(node.id, {})} for node in nodes]
    if not settings["look_only"]:
        if not settings["wait"]:
            check_placement(nodes, resources)
        _check_same(
            [
                reports[node.id]
                for node in nodes
                if node.id in reports and capacity([node], resources)
            ],
            settings["wanted"],
        )
    send(("ready", descriptions))
    if settings["look_only"]:
        ray.shutdown()
        return
    events: queue.SimpleQueue[Callable[[], None]] = queue.SimpleQueue()
    pool = Pool(
        resources, settings["jobs"], settings["wanted"], settings["setup"], send, events
    )
    pool.update_nodes(nodes)
    ended = threading.Event()
    for work in (
        partial(_listen, source, pool, events, ended),
        partial(_watch, pool, events, send),
    ):
        threading.Thread(target=work, daemon=True).start()
    try:
        while not ended.is_set():
            with contextlib.suppress(queue.Empty):
                events.get(timeout=SECONDS_BETWEEN_LOOKS)()
            pool.dispatch()
    finally:
        pool.close()
        ray.shutdown()


def _check_same(reports: list[dict[str, Any]], wanted: dict[str, str]) -> None:
    """Raise `ClusterError` if a node has other versions than this process."""
    differences = [
        text for report in reports if (text := mismatch(report, wanted)) is not None
    ]
    if differences:
        raise ClusterError(
            "Nodes of the cluster have another Python than this one: "
            f"{'; '.join(differences)}. Install the same versions there, or use a runtime "
            "environment."
        )


def _listen(
    source: IO[bytes],
    pool: Pool,
    events: queue.SimpleQueue[Callable[[], None]],
    ended: threading.Event,
) -> None:
    """Read messages from the user's process, and queue their functions for the loop."""

    def set_backlogged(backlogged: bool) -> None:
        pool.backlogged = backlogged

    functions: dict[str, Callable[..., None]] = {
        "submit": pool.submit,
        "dataset": pool.put_dataset,
        "backlogged": set_backlogged,
    }
    try:
        while True:
            word, *arguments = pickle.load(source)
            events.put(partial(functions[word], *arguments))
    except EOFError:  # the user's process is done, or has ended
        pass
    finally:
        events.put(ended.set)


def _watch(
    pool: Pool,
    events: queue.SimpleQueue[Callable[[], None]],
    send: Callable[[tuple[Any, ...]], None],
) -> None:
    """List the nodes regularly, and send `alive`. A lost cluster does not answer."""
    while True:
        time.sleep(SECONDS_BETWEEN_LOOKS)
        events.put(partial(pool.update_nodes, living_nodes()))
        send(("alive",))
