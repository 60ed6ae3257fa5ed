"""The helper process: its messages to and from the engine's process, and its loop.

Messages are tuples that begin with a word. The helper receives `settings` first, then
`dataset`, `submit` and `backlogged`; at the end of its input it releases all workers. It
sends `connected` and `ready`, then `room`, `done`, `warning` and `alive`; in place of any
of them `error`.
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
"""How often the cluster is asked for its nodes."""


def main() -> None:
    """Run the helper process."""
    out = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # what Ray prints is no message
    lock = threading.Lock()

    def send(message: tuple[Any, ...]) -> None:
        with lock:
            pickle.dump(message, out, protocol=pickle.HIGHEST_PROTOCOL)
            out.flush()

    temporary = tempfile.TemporaryDirectory(prefix="kmlp-", ignore_cleanup_errors=True)
    try:
        with temporary as folder:
            _serve(sys.stdin.buffer, send, Path(folder))
    except BrokenPipeError:  # the engine's process is gone
        pass
    except KmlpError as error:
        problems = error.problems if isinstance(error, ConfigError) else [str(error)]
        send(("error", type(error).__name__, problems))
        os._exit(1)  # whatever the threads are at


def _serve(
    source: IO[bytes], send: Callable[[tuple[Any, ...]], None], folder: Path
) -> None:
    _, settings = pickle.load(source)
    resources, backend = settings["resources"], settings["setup"]["backend"]
    ignore_signals()
    connect(settings["address"], settings["runtime_env"], folder)
    ignore_signals()  # Ray has handlers of its own
    send(("connected",))
    nodes = living_nodes()
    reports = describe_nodes(nodes, backend)
    told = [{**node.to_dict(), **reports.get(node.id, {})} for node in nodes]
    if not settings["look_only"]:
        if not settings["wait"]:
            check_placement(nodes, resources)
        able = [
            reports[it.id] for it in nodes if it.id in reports and capacity([it], resources)
        ]
        _check_same(able, settings["wanted"])
    send(("ready", told))
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
    found = [text for it in reports if (text := mismatch(it, wanted)) is not None]
    if found:
        raise ClusterError(
            "Nodes of the cluster have another Python than this one: "
            f"{'; '.join(found)}. Install the same there, or have a runtime environment "
            "do it."
        )


def _listen(
    source: IO[bytes],
    pool: Pool,
    events: queue.SimpleQueue[Callable[[], None]],
    ended: threading.Event,
) -> None:
    """Have the loop do what the engine's process sends."""

    def set_backlogged(backlogged: bool) -> None:
        pool.backlogged = backlogged

    do: dict[str, Callable[..., None]] = {
        "submit": pool.submit,
        "dataset": pool.put_dataset,
        "backlogged": set_backlogged,
    }
    try:
        while True:
            word, *arguments = pickle.load(source)
            events.put(partial(do[word], *arguments))
    except EOFError:  # the engine's process is done, or gone
        pass
    finally:
        events.put(ended.set)


def _watch(
    pool: Pool,
    events: queue.SimpleQueue[Callable[[], None]],
    send: Callable[[tuple[Any, ...]], None],
) -> None:
    """Look for the nodes again and again; a cluster whose head is lost does not answer."""
    while True:
        time.sleep(SECONDS_BETWEEN_LOOKS)
        events.put(partial(pool.update_nodes, living_nodes()))
        send(("alive",))
