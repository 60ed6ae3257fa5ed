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


def test_builtin_and_own_names_are_found():
    registry = make_registry()
    registry.register("three", 3)
    assert [registry.get(name) for name in ("one", "two", "three")] == [1, 2, 3]
    assert registry.names == ("one", "three", "two")


def test_unknown_name_says_the_nearest_and_all():
    with pytest.raises(UnknownNameError, match=r'"twoo".*"two".* one, two'):
        make_registry().get("twoo")


def test_unusable_name_says_why():
    with pytest.raises(UnknownNameError, match=r'"bad".*why'):
        make_registry().check("bad")


@pytest.mark.parametrize("name", ["one", "bad"])
def test_taken_name_is_refused(name):
    with pytest.raises(ConfigError, match=f'"{name}" exists'):
        make_registry().register(name, 1)


def test_name_must_be_an_identifier():
    with pytest.raises(ConfigError, match="identifier"):
        make_registry().register("a,b", 1)


def make(number):
    def function():
        return number

    return function


def test_the_same_definition_again_is_allowed_and_another_is_not():
    registry = make_registry()
    registry.register("mine", make(1))
    registry.register("mine", make(1))
    for other in (make(2), print, lambda: 1):
        with pytest.raises(ConfigError, match="registered already"):
            registry.register("mine", other)
    registry.register("mine", print, replace=True)
    assert registry.get("mine") is print


def test_own_names():
    registry = make_registry()
    registry.register("mine", print)
    assert [registry.is_custom(name) for name in ("mine", "math:sin", "one")] == [
        True,
        True,
        False,
    ]


def test_import_object():
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
def test_import_object_errors(path, message):
    with pytest.raises(UnknownNameError, match=message):
        import_object(path)


def test_a_module_that_prints_or_exits_does_neither_for_kmlp(tmp_path, monkeypatch, capsys):
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


def test_a_digest_changes_with_all_that_a_function_is_made_of(tmp_path):
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


def test_a_digest_of_a_module_s_function_changes_with_its_module(tmp_path, monkeypatch):
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
    """One from which nothing is imported, with modules."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", [it for it in sys.path if it != ""])
    for name in ("here_alone", "fractions"):
        (tmp_path / f"{name}.py").write_text(f"value = 1\nname = {name!r}\n")
    monkeypatch.delitem(sys.modules, "fractions", raising=False)
    yield tmp_path
    sys.modules.pop("here_alone", None)


def test_the_current_folder_is_looked_into_for_what_is_nowhere_else(
    current_folder, monkeypatch
):
    said = []
    monkeypatch.setattr(registry, "announce", lambda *words: said.append(words))
    assert import_object("fractions:Fraction").__name__ == "Fraction"
    with pytest.raises(UnknownNameError, match="No module named 'nobodys'"):
        import_object("nobodys:value")
    assert registry.users_folder() is None
    assert import_object("here_alone:value") == 1
    assert import_object("here_alone:name") == "here_alone"
    assert registry.users_folder() == sys.path[-1] == str(current_folder)
    assert said == [("here_alone:value", "here_alone.py")]
