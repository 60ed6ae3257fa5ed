"""A made-up study of four made-up runs."""

from kmlp import RunConfig
from kmlp.store import StudyRecord
from kmlp.training.identity import RunIdentity


def made_up_identity(number, **fields):
    """Return a run with these fields, whose key repeats the digit."""
    return RunIdentity(str(number) * 64, RunConfig(**fields), "jax", True, 10)


def made_up_study(name, rows, epochs=1, **identity):
    """Return an ablation of two widths, with a row of runs for each level."""
    whole = {"backend": "jax", "fused": True, "param": "width", "base": {}, **identity}
    limits = [0.115] * len(rows)
    return StudyRecord(
        name=name, kind="ablation", identity=whole, epochs=epochs,
        extent={"values": [8, 16], "seeds": [0, 1]}, progress={"chance_limits": limits},
        runs_by_level=tuple(tuple(run.key for run in row) for row in rows),
    )  # fmt: skip


RUNS = [made_up_identity(n, width=8 * (1 + n // 2), seed=n % 2) for n in range(4)]
WIDTHS = made_up_study("widths", [RUNS[:2], RUNS[2:]])
