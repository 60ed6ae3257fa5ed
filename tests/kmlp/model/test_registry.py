"""Objects are found by name, custom ones included, and compared by their definitions."""

import sys

import pytest
from helpers.processes import run

from kmlp.errors import ConfigError, UnknownNameError
from kmlp.model import registry
from kmlp.model.activations import ACTIVATIONS
from kmlp.model.fingerprint import definition_text
from kmlp.model.registry import Registry, import_object

pytestmark = pytest.mark.once


def make_registry() -> Registry:
    return Registry(
        "thing", {"one": lambda: 1, "two": lambda: 2}, lambda item: item, {"bad": "why"}
    )


def test_predefined_and_custom_names_are_found():
    registry = make_registry()
    registry.register("three", 3)
    assert [registry.get(name) for name in ("one", "two", "three")] == [1, 2, 3]
    assert registry.names == ("one", "three", "two")


def test_an_unknown_name_is_refused_with_the_nearest_and_all_names():
    with pytest.raises(UnknownNameError, match=r'"twoo".*"two".* one, two'):
        make_registry().get("twoo")


def test_an_unusable_name_is_refused_with_the_reason():
    with pytest.raises(UnknownNameError, match=r'"bad".*why'):
        make_registry().check("bad")


@pytest.mark.parametrize("name", ["one", "bad"])
def test_a_taken_name_is_refused(name):
    with pytest.raises(ConfigError, match=f'"{name}" exists'):
        make_registry().register(name, 1)


def test_a_name_must_be_an_identifier():
    with pytest.raises(ConfigError, match="identifier"):
        make_registry().register("a,b", 1)


def make(number):
    def function():
        return number

    return function


def test_only_the_same_definition_may_be_registered_again():
    registry = make_registry()
    registry.register("mine", make(1))
    registry.register("mine", make(1))
    for other in (make(2), print, lambda: 1):
        with pytest.raises(ConfigError, match="registered already"):
            registry.register("mine", other)
    registry.register("mine", print, replace=True)
    assert registry.get("mine") is print


def test_registered_names_and_paths_are_custom():
    registry = make_registry()
    registry.register("mine", print)
    custom = {name: registry.is_custom(name) for name in ("mine", "math:sin", "one")}
    assert custom == {"mine": True, "math:sin": True, "one": False}


def test_an_object_is_imported_by_its_path():
    assert import_object("math:pi") == pytest.approx(3.14159, abs=1e-4)


@pytest.mark.parametrize(
    ("path", "message"),
    [
        ("math:", "form"),
        (":pi", "form"),
        ("my_lab.py:sine", " my_lab:sine"),
        ("./my_lab:sine", " my_lab:sine"),
        ("no_such_module:x", 'importing "no_such_module" failed with ModuleNotFoundError'),
        ("math:sinn", 'math.*"sinn".*"sin"'),
    ],
)
def test_a_wrong_path_of_an_object_is_refused(path, message):
    with pytest.raises(UnknownNameError, match=message):
        import_object(path)


def test_a_module_that_prints_or_exits_does_not_disturb_kmlp(tmp_path, monkeypatch, capsys):
    (tmp_path / "loud_lab.py").write_text("print('hello')\nnumber = 1\n")
    (tmp_path / "exiting_lab.py").write_text("import sys\nsys.exit(5)\n")
    monkeypatch.syspath_prepend(tmp_path)
    assert import_object("loud_lab:number") == 1
    assert capsys.readouterr() == ("", "hello\n")
    with pytest.raises(UnknownNameError, match="SystemExit: 5"):
        import_object("exiting_lab:number")


DEFINITION = """
import numpy as np
import helper
from helper import shift
from kmlp.model import registry
from kmlp.model.activations import ACTIVATIONS
from kmlp import register_activation
SLOPE = {slope}
TABLE = {{"slope": [1, {table}]}}
ARRAY = np.array([1.0, {array}])

class Scale:
    factor = {attribute}
    def __init__(self, by):
        self.by = by

SCALE = Scale({instance})

def other(x):
    return x {operator} 1

def outer(bound):
    def own(x, power={power}):
        def within(y):
            return SLOPE * y + TABLE["slope"][1]
        return other(within(x) ** power) + bound + ARRAY[0] + SCALE.by + shift(x) + helper.more(x)
    return own

register_activation("own", outer({bound}))
print(ACTIVATIONS.digest("own"))
"""


@pytest.mark.trains
def test_a_digest_changes_with_every_part_of_a_definition(tmp_path):
    def digest(**change):
        values = dict.fromkeys(
            [
                "slope",
                "table",
                "array",
                "attribute",
                "instance",
                "power",
                "bound",
                "shift",
                "more",
            ],
            1,
        )
        values |= {"operator": "+"} | change
        (tmp_path / "helper.py").write_text(
            f"def shift(x): return x + {values.pop('shift')}\n"
            f"def more(x): return x * {values.pop('more')}\n"
        )
        (tmp_path / "script.py").write_text(DEFINITION.format(**values))
        result = run(sys.executable, "-B", "script.py", cwd=tmp_path)
        assert result.returncode == 0, result.stderr
        return result.stdout

    first = digest()
    assert digest() == first
    for name in (
        "slope",
        "table",
        "array",
        "attribute",
        "instance",
        "power",
        "bound",
        "shift",
        "more",
    ):
        assert digest(**{name: 2}) != first, name
    assert digest(operator="-") != first


def test_the_digest_of_a_function_in_a_module_changes_with_the_module(
    tmp_path, monkeypatch
):
    monkeypatch.syspath_prepend(tmp_path)

    def digest(name, code):
        (tmp_path / f"{name}.py").write_text(code)
        return ACTIVATIONS.digest(f"{name}:f")

    code = "import math\ndef g(x): return x\ndef f(x): return g(x)\n"
    assert digest("one_digest", code) == digest("two_digest", code)
    assert digest("other_digest", code.replace("return x", "return 2 * x")) != digest(
        "one_digest", code
    )


def test_a_function_that_refers_to_itself_has_a_digest():
    def own(x):
        return own(x - 1) if x else x

    assert definition_text(own) == definition_text(own)


@pytest.fixture
def current_folder(tmp_path, monkeypatch):
    """A current folder with modules, which is not in Python's search path."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", [folder for folder in sys.path if folder != ""])
    for name in ("here_alone", "fractions"):
        (tmp_path / f"{name}.py").write_text(f"value = 1\nname = {name!r}\n")
    monkeypatch.delitem(sys.modules, "fractions", raising=False)
    yield tmp_path
    sys.modules.pop("here_alone", None)


def test_a_module_of_the_current_folder_is_imported_if_it_is_not_elsewhere(
    current_folder, monkeypatch
):
    announced = []
    monkeypatch.setattr(registry, "announce", lambda *names: announced.append(names))
    assert import_object("fractions:Fraction").__name__ == "Fraction"
    with pytest.raises(UnknownNameError, match="No module named 'nobodys'"):
        import_object("nobodys:value")
    assert registry.users_folder() is None
    assert import_object("here_alone:value") == 1
    assert import_object("here_alone:name") == "here_alone"
    assert registry.users_folder() == sys.path[-1] == str(current_folder)
    assert announced == [("here_alone:value", "here_alone.py")]
