"""What several tests need: processes of their own, and the command line without one."""

import functools
import os
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest
import typer

from helpers.json_types import check_output
from kmlp_cli.app import main

USER_SCRIPTS = Path(__file__).parents[1] / "user_scripts"


def python(
    code: str, *, cwd: Path | None = None, **environment: str
) -> subprocess.CompletedProcess:
    """Runs code in a clean interpreter."""
    return run(sys.executable, "-c", code, cwd=cwd, **environment)


def kmlp(
    *arguments: str, cwd: Path | None = None, **environment: str
) -> subprocess.CompletedProcess:
    """Runs the command line in a process of its own, without a terminal."""
    return run(sys.executable, "-m", "kmlp_cli", *arguments, cwd=cwd, **environment)


# Typer makes the commands of an app anew at each call, from the signatures.
_command = functools.cache(typer.main.get_command)


def kmlp_here(monkeypatch, capsys):
    """What runs the command line in this process: exit code, stdout, stderr.

    What `--json` prints must have the types that its documentation states.
    """

    monkeypatch.setattr(typer.main, "get_command", _command)

    def run(*arguments):
        monkeypatch.setattr(sys, "argv", ["kmlp", *arguments])
        monkeypatch.setattr(sys, "path", [*sys.path])
        with pytest.raises(SystemExit) as caught:
            main()
        out, err = capsys.readouterr()
        if "--json" in arguments and out:
            check_output(arguments, out)
        return SimpleNamespace(code=caught.value.code or 0, out=out, err=err)

    return run


def run(
    *command: str, cwd: Path | None = None, **environment: str
) -> subprocess.CompletedProcess:
    return subprocess.run(
        command,
        cwd=cwd,
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )


def set_traps(folder: Path) -> Path:
    """Fills a folder with modules named like what Python, kmlp and libraries import, or
    would if it were installed; gives the file in which those say so that are imported.
    """
    mark = folder.parent / "imported"
    folder.mkdir()
    for name in sorted({*sys.stdlib_module_names, *_INSTALLED, *_NOT_INSTALLED}):
        code = (
            f"open({str(mark)!r}, 'a').write({name!r} + '\\n')\nraise ImportError('trap')\n"
        )
        (folder / f"{name}.py").write_text(code)
    return mark


_INSTALLED = [
    "kmlp", "kmlp_cli", "kmlp_tuning", "keras", "keras_tuner", "jax", "jaxlib", "torch", "ray",
    "tensorflow", "tensorflow_datasets", "numpy", "scipy", "sklearn", "loky", "cloudpickle",
    "altair", "vl_convert", "jinja2", "rich", "typer", "click", "PIL", "psutil", "filelock",
    "yaml", "h5py", "optree", "pyarrow", "threadpoolctl", "google", "absl", "aiohttp",
]  # fmt: skip
_NOT_INSTALLED = [
    "sitecustomize", "usercustomize", "brotli", "brotlicffi", "bottleneck", "chardet", "cupy",
    "colorama", "cv2", "dask", "IPython", "ipywidgets", "jax_plugins", "jax_cuda12_plugin",
    "keras_cv", "keras_hub", "keras_nlp", "libtpu", "matplotlib", "numexpr", "polars", "pydot",
    "setproctitle", "simplejson", "smart_open", "tf2onnx", "uvloop", "vegafusion", "viztracer",
    "wandb", "zstandard",
]  # fmt: skip


def hide(*modules: str) -> str:
    """Code that makes modules look as if they were not installed."""
    return f"""
import importlib.abc, importlib.util, sys
class Hidden(importlib.abc.MetaPathFinder):
    def find_spec(self, name, path, target=None):
        if name.partition(".")[0] in {modules!r}:
            raise ModuleNotFoundError(f"No module named {{name!r}}", name=name)
sys.meta_path.insert(0, Hidden())
find_spec = importlib.util.find_spec
def not_hidden(name, package=None):
    return None if name in {modules!r} else find_spec(name, package)
importlib.util.find_spec = not_hidden
"""
