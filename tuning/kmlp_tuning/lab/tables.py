"""The tables of a recipe's file as pydantic models: their keys, and the JSON schema."""

from __future__ import annotations

from dataclasses import fields, replace
from typing import TYPE_CHECKING, Annotated, Any, get_args

from pydantic import BaseModel, ConfigDict, Field, create_model, model_validator
from pydantic.json_schema import GenerateJsonSchema, JsonSchemaValue
from pydantic_core import PydanticCustomError, core_schema

from kmlp.model.hyperparameters import config_fields
from kmlp.model.metrics import METRICS_BY_NAME
from kmlp.model.params import param_names
from kmlp.studies.ablation_plan import SEEDS
from kmlp.studies.published_value import SINGLE_RUN
from kmlp.training.run import At
from kmlp_tuning.lab._values import (
    Epochs,
    Number,
    Numbers,
    PublishedIs,
    Seeds,
    Text,
    any_of,
    count,
    of_field,
    one_of,
)
from kmlp_tuning.search.options import DEFAULTS, SearchOptions
from kmlp_tuning.search.settings import ALGORITHMS, DIRECTIONS


class Table(BaseModel):
    """A table of the file. Unknown keys are refused."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)

    def given(self) -> dict[str, Any]:
        """The keys that the file has, with their values."""
        names = type(self).model_fields
        return {
            name: getattr(self, name) for name in names if name in self.model_fields_set
        }


if TYPE_CHECKING:

    class FieldsTable(Table):
        """Fields of a configuration."""

    class SpaceTable(Table):
        """The search space: for each field a list, a text such as 1e-4:1e-1:log, or a
        table: low, high and sampling, or one of these for each value of another field.
        """
else:
    FieldsTable = create_model(
        "FieldsTable",
        __base__=Table,
        __doc__="Fields of a configuration.",
        **{
            name: (Annotated[Any, *of_field(field)], Field(None, description=field.doc))
            for name, field in config_fields().items()
        },
    )

    class _NotEmpty(Table):
        @model_validator(mode="after")
        def _check(self):
            if not self.model_fields_set:
                raise PydanticCustomError("empty", "the value is empty.")
            return self

    SpaceTable = create_model(
        "SpaceTable",
        __base__=_NotEmpty,
        __doc__="The search space: for each field a list, a text such as 1e-4:1e-1:log, or "
        "a table: low, high and sampling, or one of these for each value of another field.",
        **{
            name: (Any, Field(None, description=field.doc))
            for name, field in config_fields().items()
        },
    )


MetricName = Annotated[str, *one_of(METRICS_BY_NAME)]
"""The name of a metric that runs record."""


class PartTable(Table):
    """The keys that all parts share."""

    heading: Text | None = Field(None, description="The heading of the part's section.")
    notes: list[str] = Field([], description="Remarks on the part, a paragraph each.")
    base: FieldsTable = Field(
        FieldsTable(), description="Fields that override the recipe's base."
    )
    metric: MetricName | None = Field(None, description="Overrides the recipe's metric.")


class PublishedByLevel(Table):
    """Published values of an ablation, by level. A level is a text, such as "0.1"."""

    best: Any = Field(None, description="The level that was published as the best.")
    accuracy: dict[str, Number] = Field(
        {}, description="Validation accuracy in percent, by level."
    )
    loss: dict[str, Number] = Field({}, description="Validation loss, by level.")
    train_loss: dict[str, Number] = Field(
        {}, description="Mean training loss over the epoch, by level."
    )
    seconds: dict[str, Number] = Field(
        {}, description="Total seconds of training, by level."
    )


class AblationTable(PartTable):
    """An ablation: one field of the base is varied."""

    param: Annotated[str, *one_of(param_names())] = Field(description="The field to vary.")
    values: Annotated[Any, *any_of("array", "string", minItems=1, minLength=1)] = Field(
        description="The levels, as a list or as on the command line."
    )
    epochs: Epochs | None = Field(None, description="Overrides the recipe's epochs.")
    patience: Epochs | None = Field(None, description="Overrides the recipe's patience.")
    seeds: Seeds | None = Field(None, description="Overrides the recipe's seeds.")
    published_is: PublishedIs | None = Field(
        None, description="Overrides the recipe's published_is."
    )
    published: PublishedByLevel = Field(default_factory=PublishedByLevel)


class PublishedByEpoch(Table):
    """Published values of one configuration, after the last epoch or after each."""

    accuracy: Numbers | None = Field(
        None, description="Validation accuracy in percent; a list is by epoch."
    )
    loss: Numbers | None = Field(None, description="Validation loss; a list is by epoch.")
    train_loss: Numbers | None = Field(
        None, description="Mean training loss over the epoch; a list is by epoch."
    )
    seconds: Number | None = Field(None, description="Total seconds of training.")


class RunTable(FieldsTable):
    """One configuration of a list: its fields override those of the base."""

    epochs: Epochs | None = Field(None, description="Overrides the epochs of the list.")
    seeds: Seeds | None = Field(None, description="Overrides the seeds of the list.")
    published: PublishedByEpoch = Field(default_factory=PublishedByEpoch)

    def fields(self) -> dict[str, Any]:
        """The fields of the configuration that the file gives."""
        entries = self.given()
        return {name: entries[name] for name in config_fields() if name in entries}


class ConfigListTable(PartTable):
    """A list of configurations."""

    runs: list[RunTable] = Field(description="The configurations.", min_length=1)
    epochs: Epochs | None = Field(None, description="Overrides the recipe's epochs.")
    patience: Epochs | None = Field(None, description="Overrides the recipe's patience.")
    seeds: Seeds | None = Field(None, description="Overrides the recipe's seeds.")
    published_is: PublishedIs | None = Field(
        None, description="Overrides the recipe's published_is."
    )


class PublishedBest(Table):
    """The published best configuration of a search."""

    accuracy: Number | None = Field(
        None, description="The validation accuracy of the best, in percent."
    )
    best: FieldsTable = Field(FieldsTable(), description="The fields of the best.")


class SearchTable(PartTable):
    """A search for good hyperparameters, with the options of `kmlp tune`."""

    space: SpaceTable
    max_trials: Annotated[int, count("max_trials")] | None = Field(
        DEFAULTS.max_trials, description="Number of configurations to try."
    )
    algorithm: Annotated[str, *one_of(ALGORITHMS)] = DEFAULTS.algorithm
    objective: Annotated[str | None, *one_of(DIRECTIONS)] = Field(
        DEFAULTS.objective,
        description="The figure by which trials are ranked. Default: the validation value "
        "of the metric.",
    )
    max_epochs: Annotated[int, count("max_epochs")] = Field(
        DEFAULTS.max_epochs,
        description="Epochs of the trials that are promoted to the end.",
    )
    min_epochs: Annotated[int, count("max_epochs")] | None = Field(
        DEFAULTS.min_epochs, description="The smallest number of epochs of a trial."
    )
    patience: Epochs | None = Field(None, description="Overrides the recipe's patience.")
    factor: int | None = Field(
        DEFAULTS.factor,
        description="At each rung, the best 1 / factor of the trials are promoted.",
    )
    replicates: Annotated[int, Field(ge=0)] = Field(
        DEFAULTS.replicates,
        description="Number of other seeds with which the best three are trained again.",
    )
    published: PublishedBest = Field(default_factory=PublishedBest)

    def options(self, *, at: At, metric: str | None, patience: int | None) -> SearchOptions:
        """The options of the search.

        Args:
            at: The epoch at which runs are judged, which is that of the recipe.
            metric: The metric of the recipe, which that of the search overrides.
            patience: The patience of the recipe, which that of the search overrides.
        """
        names = [field.name for field in fields(SearchOptions) if field.name != "at"]
        options = SearchOptions(at=at, **{name: getattr(self, name) for name in names})
        return replace(
            options,
            metric=self.metric or metric,
            patience=self.patience or patience,
        )


class RecipeTable(Table):
    """A recipe of `kmlp reproduce`: the studies of a lab."""

    title: Text = Field(description="The title of the lab and of its report.")
    question: Text | None = Field(
        None, description="The question of the lab, in one sentence."
    )
    source: Text | None = Field(None, description="The origin of the published values.")
    notes: list[str] = Field([], description="Remarks on the lab, a paragraph each.")
    epochs: Epochs = Field(DEFAULTS.max_epochs, description="Epochs of every run.")
    patience: Epochs | None = Field(
        None,
        description="Early stopping: a run ends after this many epochs without a better "
        "validation value of the metric. Ablations of epochs and of patience do not take "
        "it.",
    )
    seeds: Seeds = Field(SEEDS, description="Number of seeds of every configuration.")
    at: Annotated[At, *one_of(get_args(At))] = Field(
        DEFAULTS.at,
        description="The epoch at which every run is judged: its best validation epoch, or "
        "the last.",
    )
    metric: MetricName | None = Field(
        None,
        description="The metric that compares runs, and that early stopping watches. "
        "Default: accuracy.",
    )
    published_is: PublishedIs = Field(
        SINGLE_RUN.text,
        description="The way in which the published values of ablations and configurations "
        "are derived from runs.",
    )
    base: FieldsTable = Field(FieldsTable(), description="The fields that all parts share.")
    ablations: list[AblationTable] = []
    configs: list[ConfigListTable] = []
    search: SearchTable | None = None


class _WithoutNull(GenerateJsonSchema):
    """A schema without null. In TOML, a key is left out instead."""

    def nullable_schema(self, schema: core_schema.NullableSchema) -> JsonSchemaValue:
        return self.generate_inner(schema["schema"])

    def default_schema(self, schema: core_schema.WithDefaultSchema) -> JsonSchemaValue:
        if isinstance(schema.get("default"), int | str):
            return super().default_schema(schema)
        return self.generate_inner(schema["schema"])


def schema() -> dict[str, Any]:
    """The JSON schema of recipes, draft 2020-12, which editors read."""
    model = RecipeTable.model_json_schema(schema_generator=_WithoutNull)
    return {"$schema": GenerateJsonSchema.schema_dialect, **model}
