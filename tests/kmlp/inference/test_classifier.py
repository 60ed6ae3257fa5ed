"""Image classifiers of any origin are loaded safely, and give probabilities."""

import io
import json
import os
import sys
import zipfile

import h5py
import keras
import numpy as np
import pytest

from kmlp import ConfigError, build_mlp
from kmlp.inference.classifier import as_classifier, load_classifier

LAYERS = keras.layers
IMAGES = np.random.default_rng(0).integers(0, 256, (3, 4, 4), "uint8")


def model(*layers, shape=(4, 4)):
    return keras.Sequential([keras.Input(shape), LAYERS.Flatten(), *layers])


def dense(**options):
    return LAYERS.Dense(3, kernel_initializer="ones", bias_initializer="ones", **options)


def of_two_images():
    images = [keras.Input((4, 4)), keras.Input((4, 4))]
    return keras.Model(images, dense()(LAYERS.Flatten()(LAYERS.Add()(images))))


class Custom(LAYERS.Layer):
    def call(self, x):
        return x


@pytest.mark.parametrize(
    ("loss", "output"),
    [
        ("cross_entropy", "linear"),
        ("multi_margin", "linear"),
        ("nll", "log_softmax"),
        ("mse", "softmax"),
        ("binary_crossentropy", "sigmoid"),
    ],
)
def test_the_output_of_kmlps_models_is_known(loss, output):
    mlp = build_mlp(input_shape=(4, 4), num_classes=3, width=4, loss=loss)
    classifier = as_classifier(mlp)
    assert (classifier.input_shape, classifier.num_classes) == ((4, 4), 3)
    assert classifier.output == output
    class_probabilities = classifier.class_probabilities(IMAGES)
    raw = mlp.predict_on_batch(IMAGES.astype("float32"))
    assert (class_probabilities.argmax(1) == np.argmax(raw, 1)).all()
    assert (class_probabilities >= 0).all()
    if output != "sigmoid":
        np.testing.assert_allclose(class_probabilities.sum(1), 1, rtol=1e-5)
    if output in ("sigmoid", "softmax"):
        np.testing.assert_allclose(class_probabilities, raw)


@pytest.mark.parametrize(
    ("layers", "output"),
    [
        ([dense(), LAYERS.Softmax()], "softmax"),
        ([dense(), LAYERS.Activation("log_softmax")], "log_softmax"),
        ([keras.Sequential([dense(activation="sigmoid")])], "sigmoid"),
        ([dense(), LAYERS.Dropout(0.5)], None),
    ],
)
def test_the_last_activation_is_found_in_every_place(layers, output):
    assert as_classifier(model(*layers)).output == output


def test_an_unknown_output_is_judged_by_its_numbers():
    softmax = as_classifier(model(dense(activation="softmax"), LAYERS.Dropout(0.1)))
    scores = as_classifier(model(dense(), LAYERS.Dropout(0.1)))
    assert softmax.output is scores.output is None
    np.testing.assert_allclose(softmax.class_probabilities(IMAGES), 1 / 3, rtol=1e-6)
    np.testing.assert_allclose(scores.class_probabilities(IMAGES), 1 / 3, rtol=1e-6)


@pytest.mark.parametrize("shape", [(4, 4), (4, 4, 1), (None, None, 1)])
def test_one_channel_may_be_left_out(shape):
    pool = LAYERS.GlobalAveragePooling2D() if len(shape) == 3 else LAYERS.Flatten()
    classifier = as_classifier(keras.Sequential([keras.Input(shape), pool, dense()]))
    assert classifier.shape_problems((4, 4), 3) == []
    assert classifier.class_probabilities(IMAGES).shape == (3, 3)


def test_shapes_and_classes_that_do_not_fit_are_named():
    classifier = as_classifier(model(dense()))
    shape, classes = classifier.shape_problems((32, 32, 3), 10)
    assert " 4 x 4," in shape
    assert " 32 x 32 x 3." in shape
    assert "3 classes, but 10" in classes
    with pytest.raises(ConfigError, match="4 x 4"):
        classifier.class_probabilities(np.zeros((1, 5, 5), "uint8"))


def test_outputs_that_are_not_finite_are_refused():
    diverged = model(dense())
    diverged.layers[-1].set_weights([np.full((16, 3), np.nan), np.zeros(3)])
    with pytest.raises(ConfigError, match=r"finite.* 3 of 3"):
        as_classifier(diverged).class_probabilities(IMAGES)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: keras.Sequential([dense()]), "no input shape"),
        (lambda: keras.Sequential([keras.Input(()), LAYERS.Reshape((1,)), dense()]), "takes a number, but must"),
        (lambda: keras.Sequential([keras.Input((4, 4)), dense()]), "gives 4 x 3 for an image"),
        (lambda: model(LAYERS.Dense(1)), "gives 1 for an image"),
        (of_two_images, "takes several arrays"),
    ],
)  # fmt: skip
def test_a_model_that_does_not_classify_images_is_refused(make, message):
    with pytest.raises(ConfigError, match=message):
        as_classifier(make())


def test_a_saved_model_gives_the_same_probabilities(tmp_path):
    mlp = build_mlp(input_shape=(4, 4), num_classes=3, width=4, loss="nll")
    mlp.save(tmp_path / "a.keras")
    classifier = load_classifier(tmp_path / "a.keras")
    expected = as_classifier(mlp).class_probabilities(IMAGES)
    np.testing.assert_array_equal(classifier.class_probabilities(IMAGES), expected)


def test_a_custom_function_must_be_given(tmp_path):
    path = tmp_path / "sine.keras"
    model(dense(activation=keras.ops.sin)).save(path)
    with pytest.raises(ConfigError, match=r'"sin".*package\.module:sin'):
        load_classifier(path)
    classifier = load_classifier(path, custom=["keras.ops:sin"])
    np.testing.assert_allclose(classifier.class_probabilities(IMAGES), 1 / 3, rtol=1e-6)
    with pytest.raises(ConfigError, match='"sin"'):
        load_classifier(path, custom=["keras.ops:sn"])


def test_a_custom_class_must_be_given(tmp_path):
    model(Custom(), dense()).save(tmp_path / "custom.keras")
    with pytest.raises(ConfigError, match='"Custom"'):
        load_classifier(tmp_path / "custom.keras")


@pytest.mark.filterwarnings("ignore:The object being serialized includes a `lambda`")
@pytest.mark.parametrize(
    "layer", [LAYERS.Lambda(lambda x: x / 255), LAYERS.Activation(lambda x: x)]
)
def test_code_in_a_file_is_not_run(tmp_path, layer):
    model(layer, dense()).save(tmp_path / "lambda.keras")
    with pytest.raises(ConfigError, match="lambda"):
        load_classifier(tmp_path / "lambda.keras")


@pytest.fixture
def changed(tmp_path):
    """A function that writes a model's file with another last layer or other weights."""
    path = tmp_path / "changed.keras"
    model(dense(activation="relu")).save(path)
    with zipfile.ZipFile(path) as archive:
        files = {name: archive.read(name) for name in archive.namelist()}

    def write(layer=None, activation=None, weights=None):
        config = json.loads(files["config.json"])
        *_, last = config["config"]["layers"]
        if activation is not None:
            last["config"]["activation"] = activation
        if layer is not None:
            config["config"]["layers"].append(layer)
        written = files | {"config.json": json.dumps(config)}
        if weights is not None:
            edited = io.BytesIO(written.pop("model.weights.h5"))
            written |= weights(edited)
        with zipfile.ZipFile(path, "w") as archive:
            for name, content in written.items():
                archive.writestr(name, content)
        return path

    return write


def function(module, name):
    return {"module": module, "class_name": "function", "config": name}


def layer(module, name, **config):
    return {
        "module": module,
        "class_name": name,
        "config": {"name": "a", **config},
        "registered_name": None,
    }


@pytest.mark.parametrize("package", ["somebodys", "keras_hub", "keras_cv.layers"])
def test_modules_that_a_file_names_are_not_imported(
    changed, tmp_path, monkeypatch, package
):
    monkeypatch.syspath_prepend(tmp_path)
    root = package.partition(".")[0]
    (tmp_path / f"{root}.py").write_text("raise SystemExit('it runs')")
    for path in (
        changed(layer=layer(package, "Evil")),
        changed(
            layer=layer("keras.layers", "Dropout", rate=0.5, inner=layer(package, "Evil"))
        ),
        changed(activation=function(package, "Evil")),
        changed(layer=layer("keras.layers", "Lambda", function=function(package, "Evil"))),
        changed(layer={**layer(package, "__typespec__"), "spec_name": "Evil"}),
    ):
        with pytest.raises(ConfigError, match=r'"Evil".*package\.module:Evil'):
            load_classifier(path)
    assert root not in sys.modules


@pytest.mark.parametrize(
    "name",
    [
        *("keras.datasets.mnist:load_data", "keras.applications.vgg16:VGG16"),
        *("keras.utils:get_file", "keras.utils:plot_model", "keras.saving:load_model"),
        *("keras.config:enable_unsafe_deserialization", "keras.config:set_backend"),
        *("keras.src.utils.file_utils:get_file", "os:system"),
    ],
)
def test_functions_that_do_more_than_compute_are_not_called(changed, name):
    """Some of Keras' own functions download, for example."""
    module, _, called = name.partition(":")
    with pytest.raises(ConfigError, match=f'"{called}"'):
        load_classifier(changed(activation=function(module, called)))


def test_functions_that_compute_are_allowed(changed):
    for name in ("keras.activations:gelu", "keras.ops:exp"):
        module, _, called = name.partition(":")
        classifier = load_classifier(changed(activation=function(module, called)))
        assert classifier.output == called


def test_other_files_that_a_file_names_are_not_read(changed, tmp_path):
    other = tmp_path / "other"
    other.write_bytes(np.ones((16, 3), "float32").tobytes())

    def external(file):
        with h5py.File(file, "r+") as weights:
            del weights["layers/dense/vars/0"]
            weights["layers/dense/vars"].create_dataset(
                "0", (16, 3), "float32", external=[(str(other), 0, 192)]
            )
        return {"model.weights.h5": file.getvalue()}

    def linked(file):
        with h5py.File(file, "r+") as weights:
            del weights["layers/dense/vars/0"]
            weights["layers/dense/vars/0"] = h5py.ExternalLink(str(other), "/x")
        return {"model.weights.h5": file.getvalue()}

    def pickled(file):
        np.savez(archive := io.BytesIO(), a=np.array([Custom], dtype=object))
        return {"model.weights.npz": archive.getvalue()}

    for weights in (external, linked, pickled):
        with pytest.raises(ConfigError, match=r"changed\.keras: "):
            load_classifier(changed(weights=weights))
    lookup = layer("keras.layers", "StringLookup", vocabulary=str(other))
    with pytest.raises(ConfigError, match=r"changed\.keras: "):
        load_classifier(changed(layer=lookup))


def _files(folder):
    model(dense()).save(folder / "good.keras")
    good = (folder / "good.keras").read_bytes()
    (folder / "cut.keras").write_bytes(good[: len(good) // 2])
    (folder / "model.h5").write_bytes(good)
    (folder / "text.keras").write_text("no model")
    (folder / "folder.keras").mkdir()
    os.mkfifo(folder / "fifo.keras")
    with zipfile.ZipFile(folder / "other.keras", "w") as archive:
        archive.writestr("a.txt", "no model")
    flipped = bytearray(good)
    start = good.index(b"\x89HDF") + 2000  # inside the weights, which are not compressed
    flipped[start : start + 8] = bytes(byte ^ 255 for byte in flipped[start : start + 8])
    (folder / "flipped.keras").write_bytes(flipped)


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("missing.keras", "No such file"),
        ("folder.keras", "folder"),
        ("fifo.keras", "FIFO"),
        ("model.h5", "name.keras"),
        ("text.keras", "[.]keras file.*end"),
        ("cut.keras", "[.]keras file.*end"),
        ("other.keras", "loaded .*config.json"),
        ("flipped.keras", "loaded .*CRC"),
    ],
)
def test_a_file_that_is_not_a_model_is_refused(tmp_path, name, message):
    _files(tmp_path)
    with pytest.raises(ConfigError, match=message):
        load_classifier(tmp_path / name)
