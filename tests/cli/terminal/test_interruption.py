"""Signals to end, in this process; `tests/crashes/test_signals.py` has real commands."""

import gc
import os
import signal
import threading
import time

import pytest

from kmlp import RunConfig
from kmlp._util.processes import ENDING, held
from kmlp.engine import RunRequest, RunWaits, Target
from kmlp_cli.render.progress import show_progress
from kmlp_cli.terminal.interruption import Interrupted, interruptible

pytestmark = pytest.mark.once


@pytest.fixture(autouse=True)
def as_a_command_has_them():
    """Handlers as a new process has them, and pytest's own afterwards."""
    before = {it: signal.getsignal(it) for it in ENDING}
    for number in ENDING:
        default = signal.default_int_handler if number == signal.SIGINT else signal.SIG_DFL
        signal.signal(number, default)
    yield
    for number, handler in before.items():
        signal.signal(number, handler)


@pytest.mark.parametrize("number", ENDING, ids=lambda it: it.name)
def test_each_signal_is_raised_with_its_exit_code(number):
    with pytest.raises(Interrupted) as caught, interruptible():
        signal.raise_signal(number)
    assert (
        caught.value.exit_code
        == {"SIGHUP": 129, "SIGINT": 130, "SIGTERM": 143}[number.name]
    )


def test_of_several_signals_the_first_is_raised():
    """`timeout` sends two; a terminal that closes sends one, and its shell another."""
    ended = False
    with pytest.raises(Interrupted, match="Interrupted by SIGTERM"), interruptible():
        try:
            signal.raise_signal(signal.SIGTERM)
        finally:
            for number in (signal.SIGTERM, signal.SIGHUP, signal.SIGINT):
                signal.raise_signal(number)
            ended = True
    assert ended


def test_a_second_ctrl_c_later_ends_the_process_at_once(monkeypatch):
    codes = []
    monkeypatch.setattr(os, "_exit", codes.append)
    monkeypatch.setattr("kmlp_cli.terminal.interruption._SECONDS_DEAF", 0.0)
    with pytest.raises(Interrupted), interruptible():
        try:
            signal.raise_signal(signal.SIGINT)
        finally:
            time.sleep(0.01)
            signal.raise_signal(signal.SIGTERM)
            assert codes == []
            signal.raise_signal(signal.SIGINT)
    assert codes == [130]


def test_what_is_ignored_stays_ignored_and_handlers_are_put_back():
    signal.signal(signal.SIGHUP, signal.SIG_IGN)  # as nohup has it
    before = [signal.getsignal(it) for it in ENDING]
    with interruptible():
        signal.raise_signal(signal.SIGHUP)
    assert [signal.getsignal(it) for it in ENDING] == before


def test_signals_wait_while_they_are_held():
    reached = False
    with pytest.raises(Interrupted, match="SIGTERM"), interruptible(), held():
        signal.raise_signal(signal.SIGTERM)
        reached = True
    assert reached


def test_a_signal_that_was_held_is_heard_after_an_error():
    """A backend that cannot be imported just then does not hide it."""
    with pytest.raises(Interrupted), interruptible(), held():
        signal.raise_signal(signal.SIGTERM)
        raise ImportError


class Destroyed:
    def __del__(self):
        signal.raise_signal(signal.SIGTERM)


def collect(phases):
    phases.append(1)
    if len(phases) == 1:
        signal.raise_signal(signal.SIGTERM)
    elif len(phases) == 2:
        time.sleep(0.05)  # it is raised again within this one


def test_a_signal_within_a_collection_of_garbage_is_heard_after_it():
    """Python ignores what is raised in a callback of the collector, such as JAX has."""
    phases = []

    def callback(phase, _):
        collect(phases)

    gc.callbacks.append(callback)
    try:
        with pytest.raises(Interrupted), interruptible():
            gc.collect()
            time.sleep(10)
    finally:
        gc.callbacks.remove(callback)


def test_a_signal_within_a_destructor_is_heard_after_it():
    with pytest.raises(Interrupted), interruptible():
        Destroyed()
        time.sleep(10)


def test_a_signal_within_a_destructor_is_heard_where_threads_start_slowly(monkeypatch):
    start = threading.Thread.start

    def start_slowly(thread):
        start(thread)
        time.sleep(0.1)

    monkeypatch.setattr(threading.Thread, "start", start_slowly)
    with pytest.raises(Interrupted), interruptible():
        Destroyed()
        time.sleep(5)


def test_it_says_what_is_finished(capsys):
    with pytest.raises(Interrupted) as caught, show_progress(("seed",), quiet=True):
        raise Interrupted(signal.SIGTERM)
    caught.value.say()
    assert capsys.readouterr().err == "Interrupted by SIGTERM: training had not begun.\n"
    Interrupted(signal.SIGINT).say()
    assert capsys.readouterr().err == "Interrupted.\n"


def test_who_is_waited_for_is_shown_though_progress_is_not(capsys):
    with show_progress(("seed",), quiet=True) as display:
        display(RunWaits(RunRequest(RunConfig(seed=3), Target(1)), "process 7 on rome"))
    said = capsys.readouterr().err
    assert said == "seed=3: another process (process 7 on rome) trains this run; waiting.\n"
