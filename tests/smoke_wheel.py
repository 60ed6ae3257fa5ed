"""Tries an installed wheel as a user gets it: `python tests/smoke_wheel.py VENV/bin`.

TensorFlow is there, the extras are not. Ends with an AssertionError if anything is wrong.
"""

import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path


def main() -> None:
    scripts = Path(sys.argv[1]).resolve()
    environment = {
        key: value for key, value in os.environ.items() if key != "KERAS_BACKEND"
    }

    def run(*command: str, code: int = 0) -> subprocess.CompletedProcess[str]:
        program, *arguments = command
        result = subprocess.run(
            [str(scripts / program), *arguments],
            cwd=folder,
            env=environment,
            capture_output=True,
            text=True,
            check=False,
        )
        assert result.returncode == code, (command, result)
        return result

    with tempfile.TemporaryDirectory() as folder:
        assert run("kmlp", "--version").stdout.startswith("kmlp ")
        short = ["--train-size", "1000", "--epochs", "1"]
        study = json.loads(
            run(
                "kmlp", "ablate", "--param", "width", "--values", "8,16", *short, "--json"
            ).stdout
        )
        assert study["backend"] == "tensorflow"
        assert [len(value["runs"]) for value in study["levels"]] == [5, 5]
        run("kmlp", "train", *short, "--save", "model.keras")
        load = "import keras; print(keras.saving.load_model('model.keras').count_params())"
        assert run("python", "-c", load).stdout == "118282\n"
        missing = run("kmlp", "train", "--backend", "jax", code=2)
        assert (
            'The backend "jax" is not installed. Installed: tensorflow.' in missing.stderr
        )
        mlp = "from kmlp import build_mlp; print(build_mlp(depth=0).count_params())"
        assert run("python", "-c", mlp).stdout.endswith("7850\n")
    print("The wheel works.")


if __name__ == "__main__":
    main()
