"""The keys of `--json`, each with its type and its meaning.

The reference of the documentation is made from these classes, and every test that reads
`--json` checks the output against them. Numbers that are not finite are null. Accuracies
are from 0 to 1.
"""

from typing import Any

from kmlp.model.metrics import METRICS_BY_NAME
from kmlp_cli.json_keys._ablation import (
    AblationJson,
    AblationLevelJson,
    AblationPlanJson,
    ComparisonJson,
)
from kmlp_cli.json_keys._config_list import ConfigurationJson, ConfigurationListJson
from kmlp_cli.json_keys._data import DatasetJson, DatasetsJson
from kmlp_cli.json_keys._lab import LabJson, LabPlanJson, PartJson, RecipesJson
from kmlp_cli.json_keys._machine import MachineJson
from kmlp_cli.json_keys._model import (
    EvaluationJson,
    PredictionsJson,
    RegressionEvaluationJson,
    RowPredictionsJson,
    TableEvaluationJson,
)
from kmlp_cli.json_keys._results import HistoryJson, RunResultsJson
from kmlp_cli.json_keys._run import RunJson, RunPlanJson
from kmlp_cli.json_keys._runs_folder import (
    HealthJson,
    RunsJson,
    StudiesJson,
    StudySummaryJson,
)
from kmlp_cli.json_keys._search import (
    ReplicatedTrialJson,
    SearchJson,
    SearchPlanJson,
    TrialJson,
)

OUTPUTS: dict[str, tuple[Any, ...]] = {
    "ablate": (AblationJson, AblationPlanJson),
    "tune": (SearchJson, SearchPlanJson),
    "train": (RunJson, RunPlanJson),
    "show": (RunJson, AblationJson, ConfigurationListJson, SearchJson),
    "compare": (ComparisonJson,),
    "reproduce": (LabJson, LabPlanJson, RecipesJson),
    "evaluate": (EvaluationJson, TableEvaluationJson, RegressionEvaluationJson),
    "predict": (PredictionsJson, RowPredictionsJson),
    "studies": (StudiesJson,),
    "runs": (RunsJson,),
    "doctor": (HealthJson,),
    "info": (MachineJson,),
    "data list": (DatasetsJson,),
    "data info": (DatasetJson,),
}
"""The objects that each command can print."""

_METRIC = "|".join(METRICS_BY_NAME)
OPEN: dict[Any, str] = {
    StudySummaryJson: ".*",
    PartJson: ".*",
    **dict.fromkeys(
        (HistoryJson, RunJson, RunResultsJson, TrialJson), rf"((val|test)_)?({_METRIC})"
    ),
    **dict.fromkeys(
        (AblationLevelJson, ConfigurationJson, ReplicatedTrialJson),
        rf"(test|last_val)_({_METRIC})",
    ),
}
"""Objects that have further keys, which their docstrings name: the pattern of the keys."""
