"""The tests mirror the tree: what tests `kmlp/a/b.py` is `tests/kmlp/a/test_b.py`. The name
of a module says who may import it.
"""

import importlib.metadata
from pathlib import Path

import grimp
import pytest

pytestmark = pytest.mark.once

ROOT = Path(__file__).parents[2]
SOURCES = {"kmlp": "kmlp", "tuning": "tuning/kmlp_tuning", "cli": "cli/kmlp_cli"}

OTHERS = {
    "cli/commands/test_model.py": "`evaluate` and `predict`, of one trained model",
    "cli/commands/test_config_lists.py": "every command that takes a study, on a list",
    "cli/test_kinds.py": "a made-up kind of study, under every command",
    "cli/test_reading.py": "`plot`, `report`, `compare` and `show`, of one runs folder",
    "cli/test_surroundings.py": "folders, links and files around a command",
    "kmlp/data/sources/test_mnist.py": "files that come with kmlp, not code",
    "kmlp/fused/test_options.py": "every argument of `model.fit`, side by side with it",
    "kmlp/statistics/test_rates.py": "the rates of false conclusions, of all together",
    "kmlp/store/test_damage.py": "damage that any module of the store may meet",
    "kmlp/store/test_earlier_versions.py": "a folder that an earlier kmlp wrote",
    "kmlp/training/test_contracts.py": "every contract of training, for each field",
    "kmlp/test_imports.py": "what importing the package imports",
    "kmlp/test_tree.py": "the tests themselves",
}


def test_every_test_is_named_as_what_it_tests():
    """A module or a package, or one of the few that test what spans several."""
    without = set()
    for tests, sources in SOURCES.items():
        for path in (ROOT / "tests" / tests).rglob("test_*.py"):
            inside = path.relative_to(ROOT / "tests" / tests)
            tested = ROOT / sources / inside.with_name(path.stem.removeprefix("test_"))
            private = tested.with_name(f"_{tested.name}.py")
            if not (
                tested.is_dir() or tested.with_suffix(".py").is_file() or private.is_file()
            ):
                without.add(path.relative_to(ROOT / "tests").as_posix())
    assert without == set(OTHERS)


def test_a_module_is_private_if_only_its_package_imports_it():
    """Others import `kmlp.a.b`, but never `kmlp.a._b`. Kinds of studies are found by the names
    of entry points, and each command has a file of its own.
    """
    graph = grimp.build_graph("kmlp", "kmlp_tuning", "kmlp_cli", cache_dir=None)
    kinds = {kind.module for kind in importlib.metadata.entry_points(group="kmlp.studies")}
    wrong = set()
    for module in graph.modules:
        package, _, name = module.rpartition(".")
        if package.count(".") == 0 or module in kinds or graph.find_children(module):
            continue
        if package.startswith("kmlp_cli.commands"):
            continue
        importers = graph.find_modules_that_directly_import(module) - {package}
        inside = all(importer.startswith(f"{package}.") for importer in importers)
        if inside != name.startswith("_"):
            wrong.add(module)
    assert wrong == set()
