# The public names, each written once: type checkers read them here, and the module
# of a name is imported when it is first used.

from .data import Dataset as Dataset
from .data import load_dataset as load_dataset
from .errors import BackendError as BackendError
from .errors import ConfigError as ConfigError
from .errors import DataError as DataError
from .errors import KmlpError as KmlpError
from .errors import UnknownNameError as UnknownNameError
from .executors import FuturesExecutor as FuturesExecutor
from .executors import ProcessExecutor as ProcessExecutor
from .executors import RayExecutor as RayExecutor
from .fused.fit import fit as fit
from .inference._evaluate import evaluate as evaluate
from .inference.evaluation import Evaluation as Evaluation
from .inference.regression import RegressionEvaluation as RegressionEvaluation
from .model.activations import get_activation as get_activation
from .model.activations import register_activation as register_activation
from .model.build import build_mlp as build_mlp
from .model.config import RunConfig as RunConfig
from .model.losses import Loss as Loss
from .model.losses import get_loss as get_loss
from .model.losses import register_loss as register_loss
from .model.optimizers import register_optimizer as register_optimizer
from .studies.ablate import ablate as ablate
from .studies.ablation import Ablation as Ablation
from .studies.compare import AblationComparison as AblationComparison
from .studies.compare import compare as compare
from .studies.conclusion import Conclusion as Conclusion
from .studies.config_list import ConfigList as ConfigList
from .studies.execution import Execution as Execution
from .studies.kinds import StudyKind as StudyKind
from .studies.kinds import register_kind as register_kind
from .studies.library import delete_study as delete_study
from .studies.library import list_runs as list_runs
from .studies.library import list_studies as list_studies
from .studies.library import load_study as load_study
from .studies.single_run import RunStudy as RunStudy
from .studies.single_run import train as train
from .studies.study import Study as Study
from .training.run import EpochRecord as EpochRecord
from .training.run import Run as Run

__version__: str
