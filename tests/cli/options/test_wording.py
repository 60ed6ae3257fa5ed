"""Messages of the library, as who typed a command reads them."""

import importlib
from types import SimpleNamespace

import pytest

from kmlp_cli.options._wording import COMMANDS, in_options

pytestmark = pytest.mark.once

OPTIONS = {
    name: SimpleNamespace(opts=[option], secondary_opts=others)
    for name, option, others in (
        ("runs_dir", "--runs-dir", []),
        ("fused", "--fused", ["--no-fused"]),
        ("ray_wait", "--ray-wait", []),
        ("jobs", "--jobs", []),
        ("size", "--size", []),
        ("custom", "--custom", []),
        ("width", "--width", []),
    )
}


@pytest.mark.parametrize(
    ("message", "shown"),
    [
        ("Choose another `runs_dir`.", "Choose another `--runs-dir`."),
        ("Give `fused=False`.", "Give `--no-fused`."),
        ("Give `wait=True`.", "Give `--ray-wait`."),
        ("Train with `jobs=1`.", "Train with `--jobs 1`."),
        ("`size=(28, 30)` resizes them.", "`--size 28x30` resizes them."),
        ("Give `custom=['my.module:relu']`.", "Give `--custom my.module:relu`."),
        ("Remove it: `kmlp.delete_study('a b')`.", "Remove it: `kmlp rm 'a b'`."),
        ("See `kmlp.load_study('x')`", "See `kmlp show x`"),
        (
            "`kmlp.data.import_dataset(name, folder, size=(28, 28))`",
            "`kmlp data import NAME FOLDER --size 28x28`",
        ),
        ("by `kmlp.store.doctor.repair_folder`.", "by `kmlp doctor --repair`."),
    ],
)
def test_options_for_arguments_and_commands_for_functions(message, shown):
    assert in_options(message, OPTIONS) == shown


@pytest.mark.parametrize(
    "message",
    [
        "The value of `width` is 0.",  # which --values or a file may have given
        "`name` is not an option of this command.",
        "A user's `jobs=(` or `kmlp.delete_study(1 +)` or `kmlp.delete_study(f())`.",
        "`1 <= jobs <= 1000`",
        "`keras.losses`",
    ],
)
def test_what_stays_as_it_is(message):
    assert in_options(message, OPTIONS) == message


@pytest.mark.parametrize("function", COMMANDS)
def test_every_function_exists(function):
    module, _, name = function.rpartition(".")
    assert callable(getattr(importlib.import_module(module), name))
