# The public names, each written once: type checkers read them here, and the module
# of a name is imported when it is first used.

from .lab.reading import read_recipe as read_recipe
from .lab.recipe import Recipe as Recipe
from .lab.results import LabResult as LabResult
from .lab.run import reproduce as reproduce
from .oracles.asha import AshaOracle as AshaOracle
from .oracles.hyperband import HyperbandOracle as HyperbandOracle
from .search.results import Search as Search
from .search.run import tune as tune
from .search.trial import Trial as Trial
from .space import Choice as Choice
from .space import Conditional as Conditional
from .space import Range as Range
from .space._hypermodel import MLPHyperModel as MLPHyperModel
from .space.parsing import default_space as default_space
from .space.space import SearchSpace as SearchSpace
