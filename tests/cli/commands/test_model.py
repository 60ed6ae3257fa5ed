"""`kmlp evaluate` and `kmlp predict`, of a model that is trained in seconds."""

import io
import json
import os
import re

import keras
import numpy as np
import pytest
from helpers.made_up_data import images, table_examples, write_csv, write_npz
from PIL import Image
from rich.console import Console

from kmlp import RunConfig, load_dataset, train
from kmlp.data._dataset import make_dataset
from kmlp.data._load import forget_datasets
from kmlp.model.build import build_for
from kmlp.model.run_data import split_for
from kmlp_cli.render.pictures import picture_text


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    run = train(RunConfig(train_size=10_000, width=64, depth=1), epochs=2)
    path = tmp_path_factory.mktemp("models") / "model.keras"
    run.model().save(path)
    return path, run


@pytest.fixture(scope="module")
def model(trained):
    return str(trained[0])


def photographed(digit, rng):
    """A digit of MNIST, enlarged, dark on light, off the centre, with noise."""
    large = np.asarray(Image.fromarray(digit).resize((140, 140), Image.Resampling.BICUBIC))
    page = np.full(rng.integers(150, 260, 2), 235.0)
    top, left = (rng.integers(0, side - 140 + 1) for side in page.shape)
    page[top : top + 140, left : left + 140] -= large * 0.8
    page += rng.normal(0, 12, page.shape)
    return Image.fromarray(np.clip(page, 0, 255).astype("uint8"))


def test_pictures_of_digits_are_recognised_as_often_as_those_of_mnist(
    kmlp, trained, tmp_path
):
    path, run = trained
    test = load_dataset("mnist").test
    rng = np.random.default_rng(0)
    files = []
    for index in range(100):
        files.append(tmp_path / f"{index}.{('png', 'jpg')[index % 2]}")
        photographed(test.x[index], rng).save(files[-1])
    result = kmlp("predict", str(path), *map(str, files), "--json")
    assert (result.code, result.err) == (0, "")
    predicted = [it["best"][0]["class"] for it in json.loads(result.out)["pictures"]]
    raw = run.model().predict_on_batch(test.x[:100].astype("float32"))
    expected = np.mean(np.argmax(raw, 1) == test.y[:100])
    found = np.mean(np.array(predicted) == test.y[:100])
    assert found >= expected - 0.03
    assert found > 0.85


def test_the_accuracy_is_that_of_the_run(kmlp, trained):
    path, run = trained
    result = kmlp("evaluate", str(path), "--json")
    assert (result.code, result.err) == (0, "")
    found = json.loads(result.out)
    assert found["accuracy"] == pytest.approx(run.test_accuracy)
    assert found["interval"][0] < found["accuracy"] < found["interval"][1]
    assert np.shape(found["confusion"]) == (10, 10)
    assert len(found["mistakes"]) == found["size"] - found["right"]
    assert found["classes"][1]["support"] == 1135
    mistake = found["mistakes"][0]
    assert load_dataset("mnist").test.y[mistake["index"]] == mistake["true"]
    assert (found["output"], found["split"], found["dataset"]) == (
        "linear",
        "test",
        "mnist",
    )


def test_tables_and_charts(kmlp, model, tmp_path):
    charts = [str(tmp_path / "confusion.svg"), str(tmp_path / "mistakes.html")]
    options = ["--confusion", charts[0], "--mistakes", charts[1]]
    result = kmlp("evaluate", model, "--split", "validation", *options)
    assert result.code == 0
    assert "10,000 validation images" in result.out
    for text in ("Accuracy ", "95 % interval", "Balanced accuracy ", "confidence:"):
        assert text in " ".join(result.out.split())
    assert result.err.splitlines() == [f"Saved {path}." for path in charts]
    assert "<svg" in (tmp_path / "confusion.svg").read_text()
    assert "data:image/png;base64" in (tmp_path / "mistakes.html").read_text()
    again = kmlp("evaluate", model, *options)
    assert (again.code, again.out) == (2, "")
    assert again.err.count("--overwrite") == 2


def test_the_validation_images_are_those_of_the_run_s_split(kmlp, tmp_path):
    run = train(RunConfig(train_size=500, width=8, depth=1, seed=3, resplit=True), epochs=1)
    path = str(tmp_path / "model.keras")
    run.model().save(path)
    command = ["evaluate", path, "--json", "--split", "validation"]
    result = kmlp(*command, "--resplit", "--seed", "3")
    assert json.loads(result.out)["accuracy"] == pytest.approx(run.val_accuracy)
    assert json.loads(kmlp(*command).out)["accuracy"] != pytest.approx(run.val_accuracy)
    for options in (["--resplit"], ["--seed", "3"]):
        refused = kmlp(*command, *options)
        assert (refused.code, refused.out) == (2, "")
        assert "--seed" in refused.err and "--resplit" in refused.err


def test_the_validation_rows_are_those_of_the_fold_of_the_run(kmlp, tmp_path):
    path = str(tmp_path / "model.keras")
    options = ["--dataset", "diabetes", "--folds", "5", "--json"]
    trained = kmlp(
        "train", *options, "--seed", "3", "--save", path, "--width", "8", "--depth", "1",
        "--epochs", "2",
    )  # fmt: skip
    val_rmse = json.loads(trained.out)["val_rmse"]

    def rmse(seed):
        found = kmlp("evaluate", path, *options, "--split", "validation", "--seed", seed)
        return json.loads(found.out)["rmse"]

    assert rmse("3") == pytest.approx(val_rmse, rel=1e-5)
    assert rmse("4") != pytest.approx(val_rmse, rel=1e-5)


@pytest.mark.once
@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--folds", "5"], "--folds needs the --seed"),
        (["--folds", "5", "--seed", "3"], "--folds does nothing with --split test"),
        (["--folds", "1", "--seed", "3"], "`folds`"),
        (["--folds", "5", "--resplit", "--seed", "3", "--split", "train"], "`resplit`"),
        (["--decimal", ","], "--decimal is for CSV files, but the dataset"),
        (["rows.csv", "--split", "train"], "--split chooses examples of a dataset"),
        (["rows.csv", "--folds", "5"], "--folds chooses examples of a dataset"),
    ],
)
def test_options_of_evaluate_that_do_not_go_together_are_refused(
    kmlp, model, options, message
):
    result = kmlp("evaluate", model, *options)
    assert (result.code, result.out, message in result.err) == (2, "", True), result.err


def test_a_dataset_that_is_not_the_models_is_refused(kmlp, model, tmp_path, monkeypatch):
    monkeypatch.setenv("KMLP_CACHE_DIR", str(tmp_path / "cache"))
    forget_datasets()
    write_npz(tmp_path / "a.npz", images())
    kmlp("data", "import", "small", str(tmp_path / "a.npz"))
    result = kmlp("evaluate", model, "--dataset", "small", "--validation-fraction", "1/3")
    assert (result.code, result.out) == (2, "")
    shapes, classes = result.err.splitlines()
    assert re.search("28 x 28.* 4 x 4", shapes)
    assert re.search("10 classes.* 3 ", classes)
    Image.new("L", (9, 9)).save(tmp_path / "a.png")
    result = kmlp("predict", model, str(tmp_path / "a.png"), "--dataset", "small")
    assert result.code == 2
    assert re.search("10 classes.* 3 ", result.err)


def test_all_problems_of_evaluate_are_said_at_once(kmlp, tmp_path):
    result = kmlp(
        "evaluate", "nowhere.keras", "--dataset", "minst", "--split", "tset",
        "--validation-fraction", "2", "--confusion", "a.gif", "--mistakes", "no/a.png",
    )  # fmt: skip
    assert (result.code, result.out) == (2, "")
    for text in (
        "nowhere.keras: ",
        '"minst".*"mnist"',
        '"tset".*"test"',
        "`0 < validation_fraction < 1`",
        '--confusion.*"a.gif"',
        "no.*--mistakes",
    ):
        assert re.search(text, result.err)


def test_charts_need_files_of_their_own(kmlp, model, tmp_path):
    path = str(tmp_path / "a.png")
    result = kmlp("evaluate", model, "--confusion", path, "--mistakes", path)
    assert result.code == 2
    assert re.search("--confusion and --mistakes are both .*a.png", result.err)


def test_residuals_of_classes_are_refused(kmlp, model, tmp_path):
    result = kmlp("evaluate", model, "--residuals", str(tmp_path / "a.png"))
    assert (result.code, result.out) == (2, "")
    assert "--residuals is for a regression" in result.err


def test_a_picture_is_shown_as_the_model_saw_it(kmlp, model, tmp_path):
    test = load_dataset("mnist").test
    Image.fromarray(test.x[0]).save(tmp_path / "seven.png")
    result = kmlp("predict", model, str(tmp_path / "seven.png"))
    assert (result.code, result.err) == (0, "")
    assert "\x1b" not in result.out
    assert "@" in result.out
    name, *lines = result.out.splitlines()
    assert name == str(tmp_path / "seven.png")
    assert lines[0][30:].split()[0] == "7"
    assert lines.index("") == 14  # two rows a line


@pytest.mark.parametrize("arguments", [["--as", "resize"], ["--dataset", "fashion_mnist"]])
def test_options_of_predict(kmlp, model, tmp_path, arguments, monkeypatch):
    monkeypatch.setattr("kmlp.data.load_examples", lambda name: load_dataset("mnist"))
    Image.fromarray(load_dataset("mnist").test.x[0]).save(tmp_path / "a.png")
    result = kmlp("predict", model, str(tmp_path / "a.png"), "--json", *arguments)
    found = json.loads(result.out)
    resized = "resize" in arguments
    assert found["pictures"][0]["as"] == ("resize" if resized else "mnist")
    assert found["dataset"] == (None if resized else "fashion_mnist")
    assert ("28 x 28" in result.err) == resized
    assert len(found["pictures"][0]["best"]) == 3


def test_all_bad_pictures_are_named_before_any_is_predicted(kmlp, model, tmp_path):
    Image.fromarray(load_dataset("mnist").test.x[0]).save(tmp_path / "good.png")
    (tmp_path / "text.png").write_text("no picture")
    files = [str(tmp_path / it) for it in ("good.png", "text.png", "missing.jpg")]
    result = kmlp("predict", model, *files, "--as", "mnits")
    assert (result.code, result.out) == (2, "")
    for text in (
        '"mnits".*"mnist"',
        "text.png: .*PNG",
        "missing.jpg: ",
    ):
        assert re.search(text, result.err)


def test_no_fifo_is_waited_for(kmlp, model, tmp_path):
    paths = [str(tmp_path / name) for name in ("fifo.keras", "fifo.png")]
    for path in paths:
        os.mkfifo(path)
    for command in (
        ["predict", *paths],
        ["evaluate", paths[0]],
        ["predict", model, paths[1]],
    ):
        result = kmlp(*command)
        assert (result.code, result.out) == (2, "")
        for path in set(command) & set(paths):
            assert re.search(f"{path}: .*FIFO", result.err)


def test_pictures_of_ones_own_dataset_are_made_as_import_made_them(
    kmlp, model, tmp_path, monkeypatch
):
    monkeypatch.setenv("KMLP_CACHE_DIR", str(tmp_path / "cache"))
    digits = load_dataset("mnist").test
    for label in range(10):
        for index in np.flatnonzero(digits.y == label)[:3]:
            (tmp_path / "mine" / str(label)).mkdir(parents=True, exist_ok=True)
            Image.fromarray(digits.x[index]).save(
                tmp_path / "mine" / str(label) / f"{index}.png"
            )
    assert kmlp("data", "import", "mine", str(tmp_path / "mine")).code == 0
    picture = str(next((tmp_path / "mine" / "7").iterdir()))
    options = ["--dataset", "mine", "--json"]
    found = [
        json.loads(kmlp("predict", model, picture, *options, *way).out)["pictures"]
        for way in ([], ["--as", "resize"], ["--as", "mnist"])
    ]
    assert [it[0]["as"] for it in found] == ["resize", "resize", "mnist"]
    assert found[0] == found[1]


def test_blank_pictures_are_refused(kmlp, model, tmp_path):
    Image.new("L", (50, 50), 200).save(tmp_path / "blank.png")
    result = kmlp("predict", model, str(tmp_path / "blank.png"))
    assert (result.code, result.out) == (2, "")
    assert "blank.png: " in result.err


def test_a_model_of_own_functions(kmlp, tmp_path):
    layers = keras.layers
    made = keras.Sequential(
        [
            keras.Input((28, 28)),
            layers.Flatten(),
            layers.Dense(10, activation=keras.ops.sin),
        ]
    )
    made.save(tmp_path / "sine.keras")
    refused = kmlp("evaluate", str(tmp_path / "sine.keras"))
    assert (refused.code, "--custom" in refused.err) == (2, True)
    taken = kmlp("evaluate", str(tmp_path / "sine.keras"), "--custom", "keras.ops:sin")
    assert taken.code == 0


def test_colours_are_those_of_the_picture():
    picture = np.zeros((3, 2, 3), "uint8")
    picture[0, 0], picture[1, 0] = (255, 0, 0), (0, 0, 255)
    output = io.StringIO()
    console = Console(file=output, force_terminal=True, color_system="truecolor")
    console.print(picture_text(picture, colours=True))
    first, second = output.getvalue().splitlines()
    assert first.startswith("\x1b[38;2;255;0;0;48;2;0;0;255m▀")
    assert second.count("▀") == 2  # three rows are two lines


def test_a_large_picture_is_shown_smaller():
    text = picture_text(np.zeros((200, 100, 3), "uint8"), colours=False)
    assert [len(line) for line in text.plain.split("\n")] == [16] * 16


TABLES = {"classification": "wine", "regression": "diabetes"}


@pytest.fixture(scope="module", params=TABLES)
def of_table(request, tmp_path_factory):
    """A model of a table without training, its dataset, and a file with the test rows."""
    dataset = make_dataset(
        "made_up", table_examples(task=request.param), validation_fraction=0.25
    )
    config = RunConfig(dataset=TABLES[request.param], width=4, depth=1)
    folder = tmp_path_factory.mktemp("table")
    build_for(config, dataset).save(folder / "model.keras")
    rows = []
    for x, y in zip(dataset.test.x, dataset.test.y, strict=True):
        kind = "" if np.isnan(x[2]) else "xyz"[x[2:5].argmax()]
        number = "" if np.isnan(x[0]) else str(x[0])
        target = dataset.class_names[y] if dataset.class_names else str(y)
        rows.append({"c": kind, "a": number, "d": str(x[5]), "b": str(x[1]), "t": target})
    write_csv(folder / "rows.csv", {name: [row[name] for row in rows] for name in rows[0]})
    return folder, config, dataset


def expected_of(of_table):
    """The outputs of the model for the test rows as a run sees them."""
    _, config, dataset = of_table
    rows = split_for(config, dataset).test.x
    return build_for(config, dataset).predict(rows, verbose=0)


def test_rows_of_a_file_are_predicted_with_the_columns_and_the_fillings_of_the_model(
    kmlp, of_table, tmp_path
):
    folder, _, dataset = of_table
    outputs, out = expected_of(of_table), tmp_path / "out.csv"
    result = kmlp(
        "predict", str(folder / "model.keras"), str(folder / "rows.csv"),
        "--json", "--out", str(out),
    )  # fmt: skip
    assert result.code == 0, result.err
    printed = json.loads(result.out)
    assert (printed["target"], printed["unit"]) == ("t", dataset.schema.unit)
    [file] = printed["files"]
    if dataset.class_names:
        assert [row["class"] for row in file["rows"]] == outputs.argmax(1).tolist()
    else:
        values = [row["value"] for row in file["rows"]]
        np.testing.assert_allclose(values, outputs[:, 0], rtol=1e-5)
    header, first, *others = out.read_text().splitlines()
    assert header.startswith("file,row,t")
    assert (first.split(",")[1], len(others)) == ("1", len(outputs) - 1)
    table = kmlp("predict", str(folder / "model.keras"), str(folder / "rows.csv"))
    assert (table.code, "row" in table.out) == (0, True)


def test_a_model_of_a_table_is_evaluated_on_a_file(kmlp, of_table, tmp_path):
    folder, _, dataset = of_table
    outputs, y = expected_of(of_table), dataset.test.y
    files = (str(folder / "model.keras"), str(folder / "rows.csv"))
    result = kmlp("evaluate", *files, "--json")
    assert result.code == 0, result.err
    printed = json.loads(result.out)
    assert (printed["size"], printed["dataset"]) == (len(y), None)
    if dataset.class_names:
        assert printed["right"] == (outputs.argmax(1) == y).sum()
    else:
        rmse = np.sqrt(((outputs[:, 0] - y) ** 2).mean())
        assert printed["rmse"] == pytest.approx(rmse, rel=1e-5)
    option = "--confusion" if dataset.class_names else "--residuals"
    chart = tmp_path / "chart.svg"
    shown = kmlp("evaluate", *files, option, str(chart)).out
    assert "<svg" in chart.read_text()
    assert ("Accuracy" in shown) == bool(dataset.class_names)
    assert ("RMSE" in shown and "kg" in shown) == (not dataset.class_names)


def test_a_file_with_decimal_commas_is_read_if_an_option_says_so(kmlp, of_table, tmp_path):
    folder, *_ = of_table
    model, rows = folder / "model.keras", folder / "rows.csv"
    other = tmp_path / "other.csv"
    other.write_text(rows.read_text().replace(",", ";").replace(".", ","))
    for name in ("predict", "evaluate"):
        expected = json.loads(kmlp(name, str(model), str(rows), "--json").out)
        command = (name, str(model), str(other), "--json")
        refused = kmlp(*command)
        assert (refused.code, "--decimal ," in refused.err) == (2, True), refused.err
        found = kmlp(*command, "--decimal", ",", "--delimiter", ";")
        assert found.code == 0, found.err
        assert json.loads(found.out.replace(str(other), str(rows))) == expected


def test_what_a_model_of_a_table_does_not_have_is_refused(kmlp, of_table, tmp_path):
    folder, _, dataset = of_table
    files = (str(folder / "model.keras"), str(folder / "rows.csv"))
    chart = "--residuals" if dataset.class_names else "--confusion"
    other = write_csv(tmp_path / "other.csv", {"a": [1], "b": [2], "d": [3], "t": [4]})
    for arguments, message in (
        (("evaluate", *files, "--mistakes", str(tmp_path / "m.png")), "--mistakes is for"),
        (("evaluate", *files, chart, str(tmp_path / "m.png")), f"{chart} is for"),
        (("predict", *files, "--as", "mnist"), "--as is for pictures"),
        (("predict", files[0], str(other)), "other.csv"),
        (("evaluate", files[0], "--dataset", "wine"), "takes the columns a, b, c=x"),
        (("evaluate", files[0]), "takes the columns"),
    ):
        result = kmlp(*arguments)
        assert (result.code, message in result.err) == (2, True), result.err
