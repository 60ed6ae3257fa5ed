"""A lab, and the plan of one."""

from typing import Annotated, Any, Literal, TypedDict

from kmlp_cli.json_keys._results import EstimateJson


class PublishedJson(TypedDict):
    """One published number beside ours."""

    quantity: Annotated[
        Literal["accuracy", "loss", "train_loss", "seconds"],
        "The quantity; accuracies are in percent.",
    ]
    value: Annotated[Any, "The level, or the number of the configuration."]
    epoch: Annotated[int | None, "The epoch."]
    published: Annotated[float, "The published number."]
    published_is: Annotated[
        str, 'The way in which it is derived from runs: "single run", "best of 5"...'
    ]
    ours: Annotated[EstimateJson, "Ours."]
    difference: Annotated[float | None, "Our number minus the published number."]
    prediction_interval: Annotated[
        list[float | None] | None,
        "The interval in which as many more runs of ours would be in 95 % of cases. An end "
        "is null where nothing would be too good. Null for seconds, and if fewer than two "
        "seeds finished or all are equal.",
    ]
    outcome: Annotated[
        Literal["could be", "no", "too wide to tell"] | None,
        '"no" if the published number is outside of this interval, "too wide to tell" if '
        "it is inside, but nearly any number would be; null if it cannot be judged.",
    ]


class VerdictJson(TypedDict):
    """The verdict on a published claim that a level is the best."""

    best: Annotated[Any, "The level that was published as the best."]
    holds: Annotated[bool | None, "True if the claim holds; null if nothing shows it."]
    better: Annotated[list[Any], "The levels that are shown to be better."]
    worse: Annotated[list[Any], "The levels that are shown to be worse."]
    same: Annotated[list[Any], "The levels that are shown the same within the margin."]
    undecided: Annotated[list[Any], "The other levels."]


class PartJson(TypedDict):
    """One part of a lab. It also has the keys of its study."""

    kind: Annotated[str, "The kind of study."]
    heading: Annotated[str | None, "The heading, or null."]
    notes: Annotated[list[str], "The notes of the part."]
    claims: Annotated[list[str], "Sentences on the published claims."]
    verdicts: Annotated[list[VerdictJson], "The claims on levels, as data."]
    published: Annotated[list[PublishedJson], "Every published number."]


class LabJson(TypedDict):
    """`kmlp reproduce`."""

    recipe: Annotated[str, "The name of the recipe."]
    title: Annotated[str, "The title."]
    question: Annotated[str | None, "The question in one sentence, or null."]
    source: Annotated[str | None, "The publication, or null."]
    notes: Annotated[list[str], "The notes at the top."]
    comparable: Annotated[bool, "False with `--quick`."]
    parts: Annotated[list[PartJson], "Every part."]


class PlannedPartJson(TypedDict):
    """The planned training of one part of a lab."""

    part: Annotated[str, "Its heading or its name."]
    configurations: Annotated[int, "The number of configurations."]
    runs: Annotated[int, "The number of runs."]
    epochs: Annotated[int, "The epochs of all runs together."]
    steps: Annotated[int | None, "The steps of all runs together; null for a search."]


class LabPlanJson(TypedDict):
    """`kmlp reproduce --dry-run`."""

    recipe: Annotated[str, "The name of the recipe."]
    parts: Annotated[list[PlannedPartJson], "Every part."]


class RecipeSummaryJson(TypedDict):
    """One recipe that comes with kmlp."""

    name: Annotated[str, "The name."]
    title: Annotated[str, "The title."]
    question: Annotated[str | None, "The question in one sentence, or null."]
    runs: Annotated[int, "The number of runs of all parts together."]


class RecipesJson(TypedDict):
    """`kmlp reproduce --list`."""

    recipes: Annotated[list[RecipeSummaryJson], "Every recipe, by name."]
