"""The tables of a model's evaluation."""

from __future__ import annotations

from kmlp.inference.classifier import Classifier
from kmlp.inference.evaluation import Evaluation
from kmlp.studies.cells import share_percent
from kmlp.studies.table import NONE, Column, Row, Table

_MOST_COLUMNS = 12
"""The largest number of classes for which the matrix fits on a terminal."""
_MISTAKES = 10
"""The number of mistakes to list."""


def evaluation_tables(
    evaluation: Evaluation, classifier: Classifier | None, title: str
) -> list[Table]:
    """The scores of each class, the confusion matrix if there are few, and mistakes."""
    tables = [classes_table(evaluation, title)]
    if len(evaluation.class_names) <= _MOST_COLUMNS:
        tables.append(confusion_table(evaluation))
    if evaluation.mistakes and classifier is not None:
        tables.append(mistakes_table(evaluation, classifier))
    return tables


def classes_table(evaluation: Evaluation, title: str) -> Table:
    """Precision, recall and F1, with a row for each class, and the accuracy below."""
    return Table(
        title=title,
        columns=(
            Column("class"),
            Column("name", numeric=False, wraps=True),
            *map(Column, (evaluation.noun, "precision %", "recall %", "F1 %")),
        ),
        rows=tuple(
            Row(
                (
                    str(number),
                    scores.name,
                    f"{scores.support:,}",
                    share_percent(scores.precision),
                    share_percent(scores.recall),
                    share_percent(scores.f1),
                )
            )
            for number, scores in enumerate(evaluation.classes)
        ),
        notes=(
            "precision: correct predictions of this class / all predictions of it; - if "
            "there are none. recall: correct predictions of this class / all "
            f"{evaluation.noun} of it. F1: their harmonic mean. Balanced accuracy and "
            "macro F1: the means of recall and of F1 over the classes.",
        ),
        sentences=(_accuracy_text(evaluation),),
    )


def _accuracy_text(evaluation: Evaluation) -> str:
    low, high = evaluation.interval
    averages = evaluation.averages_text
    return (
        f"Accuracy {share_percent(evaluation.accuracy)} %, 95 % interval "
        f"{share_percent(low)} to {share_percent(high)} %: {evaluation.right:,} of "
        f"{evaluation.size:,} {evaluation.noun} are correct. "
        f"{averages[0].upper()}{averages[1:]}."
    )


def confusion_table(evaluation: Evaluation) -> Table:
    """The confusion matrix, in which correct predictions stand out."""
    names = evaluation.class_names
    return Table(
        title="Confusion matrix",
        columns=(
            Column("class"),
            Column("name", numeric=False, wraps=True),
            *(Column(str(number)) for number in range(len(names))),
        ),
        rows=tuple(
            Row(
                (
                    str(true),
                    name,
                    *(
                        str(count) if count or predicted == true else NONE
                        for predicted, count in enumerate(counts)
                    ),
                ),
                strong_cells=(2 + true,),
            )
            for true, (name, counts) in enumerate(
                zip(names, evaluation.confusion, strict=True)
            )
        ),
        notes=("Rows: true classes. Columns: predicted classes.",),
    )


def mistakes_table(evaluation: Evaluation, classifier: Classifier) -> Table:
    """The most confident mistakes."""
    names = evaluation.class_names
    first = 1 if evaluation.noun == "rows" else 0  # rows count from 1, as in a file
    return Table(
        title=f"The most confident of {len(evaluation.mistakes):,} mistakes",
        columns=(
            Column(evaluation.noun.removesuffix("s")),
            Column("true", numeric=False, wraps=True),
            Column("predicted", numeric=False, wraps=True),
            Column("confidence %"),
        ),
        rows=tuple(
            Row(
                (
                    str(mistake.index + first),
                    names[mistake.true],
                    names[mistake.predicted],
                    share_percent(mistake.confidence),
                )
            )
            for mistake in evaluation.mistakes[:_MISTAKES]
        ),
        notes=(confidence_text(classifier),),
    )


def confidence_text(classifier: Classifier) -> str:
    """The meaning of a confidence, as a sentence."""
    if classifier.outputs_are_probabilities:
        return "confidence: the model's probability of the class, from 0 to 100 %."
    return (
        "confidence: the softmax of the model's outputs; a probability if the model was "
        "trained with cross entropy."
    )
