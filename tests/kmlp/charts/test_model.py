"""The charts of a made-up model."""

import base64
import io
import re
from dataclasses import replace
from xml.etree import ElementTree

import numpy as np
import pytest
import vl_convert
from PIL import Image

from kmlp.charts.model import confusion, mistakes
from kmlp.charts.style import save, style, to_specification
from kmlp.inference.evaluation import Evaluation, Misclassification

pytestmark = pytest.mark.once

WRONG = [(0, 3, 1, 0.996), (5, 1, 0, 0.8), (2, 1, 3, 0.55)]


def evaluation(names=("T-shirt/top", "Ankle boot", "Bag", "Coat"), wrong=WRONG):
    matrix = np.diag([10, 20, 0, 5])
    for _, true, predicted, _ in wrong:
        matrix[true, predicted] += 1
    return Evaluation(
        class_names=names,
        confusion=tuple(map(tuple, matrix.tolist())),
        classes=(),
        mistakes=tuple(
            Misclassification(
                index=index, true=true, predicted=predicted, confidence=confidence
            )
            for index, true, predicted, confidence in wrong
        ),
    )


def rows_of(chart):
    (values,) = to_specification(chart)["datasets"].values()
    return values


def svg(chart):
    return vl_convert.vegalite_to_svg({**to_specification(chart), "config": style()})


def test_a_matrix_has_the_cells_with_images():
    rows = rows_of(confusion(evaluation()))
    assert len(rows) == 3 + 3
    cell = next(
        row for row in rows if (row["true"], row["predicted"]) == ("Coat", "Ankle boot")
    )
    assert (cell["count"], cell["right"]) == (1, False)
    assert cell["share"] == pytest.approx(1 / 6)


def test_a_matrix_names_all_classes_and_counts():
    drawn = svg(confusion(evaluation()))
    for text in (
        "T-shirt/top",
        "Ankle boot",
        "Bag",
        "Coat",
        ">20<",
        "35 of 38 images are correct",
    ):
        assert text in drawn


def test_many_classes_are_named_without_numbers():
    names = tuple(f"class {number}" for number in range(30))
    made = Evaluation(
        class_names=names,
        confusion=tuple(map(tuple, np.diag([7] * 30).tolist())),
        classes=(),
        mistakes=(),
    )
    drawn = svg(confusion(made))
    assert ">7<" not in drawn
    assert all(f">{name}<" in drawn for name in names)


def test_a_chart_says_in_words_what_it_shows():
    matrix = to_specification(confusion(evaluation()))["description"]
    assert re.search("92.1.% of 38 ", matrix)
    assert "Ankle boot as T-shirt/top (1)" in matrix
    images = np.zeros((6, 28, 28), "uint8")
    sheet = to_specification(mistakes(images, evaluation()))["description"]
    assert re.search("Coat, .*Ankle boot", sheet)


@pytest.mark.parametrize("shape", [(28, 28), (32, 32, 3), (300, 200, 3)])
def test_a_sheet_holds_the_images_themselves(shape):
    images = np.random.default_rng(0).integers(0, 256, (6, *shape), "uint8")
    first, *_ = rows_of(mistakes(images, evaluation(), count=2))
    kind, _, data = first["picture"].partition(",")
    assert kind == "data:image/png;base64"
    picture = np.asarray(Image.open(io.BytesIO(base64.b64decode(data))))
    scale = picture.shape[0] // shape[0]
    assert picture.shape == (scale * shape[0], scale * shape[1], 3)
    shown = picture[::scale, ::scale]
    expected = images[0] if len(shape) == 3 else np.repeat(images[0][..., None], 3, 2)
    assert (shown == expected).all()


def test_a_sheet_says_what_was_taken_for_what():
    drawn = svg(mistakes(np.zeros((6, 28, 28), "uint8"), evaluation(), count=2))
    for text in ("Coat →", "Ankle boot", "99.6 %", "2 of 3 mistakes among 38 images"):
        assert text in drawn
    assert drawn.count("<image") == 2


@pytest.mark.parametrize("suffix", ["html", "png", "svg", "pdf"])
def test_charts_are_saved_in_every_format(tmp_path, suffix):
    images = np.zeros((6, 28, 28), "uint8")
    for name, chart in (
        ("a", confusion(evaluation())),
        ("b", mistakes(images, evaluation())),
        ("c", mistakes(images, evaluation(wrong=[]))),
    ):
        save(chart, tmp_path / f"{name}.{suffix}")
        assert (tmp_path / f"{name}.{suffix}").stat().st_size > 500


EVIL = (
    "</script><script>document.title = 'x'</script>",
    "a.b[0]'\"\\",
    "[/x] <img src=x onerror=alert(1)> &amp;",
    "\x1b]0;t\x07\n\u202e\udce9\x00",
)


@pytest.mark.parametrize("draw", ["confusion", "mistakes"])
def test_classes_of_any_name_are_text(tmp_path, draw):
    found = evaluation(names=EVIL)
    images = np.zeros((6, 28, 28), "uint8")
    chart = confusion(found) if draw == "confusion" else mistakes(images, found)
    for suffix in (".html", ".svg", ".png"):
        save(chart, tmp_path / f"chart{suffix}")
    page = (tmp_path / "chart.html").read_text("utf-8")
    assert page.count("</script>") == 3
    assert "document.title = 'x'" in page
    drawn = ElementTree.parse(tmp_path / "chart.svg").getroot()
    texts = " ".join(filter(None, (it.text for it in drawn.iter())))
    for part in ("</script>", "a.b[0]'\"\\", r"\x1b]0;t\x07"):
        assert part in texts
    assert not {it.tag.rpartition("}")[2] for it in drawn.iter()} & {"script", "img"}


def test_a_matrix_of_a_table_counts_rows():
    drawn = svg(confusion(replace(evaluation(), noun="rows")))
    assert "of 38 rows are correct" in drawn
    assert "images" not in drawn
