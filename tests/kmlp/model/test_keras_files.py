"""A `.keras` file of anybody is checked before memory is used, and damage is refused."""

import io
import json
import tracemalloc
import warnings
import zipfile

import h5py
import keras
import numpy as np
import pytest

from kmlp import ConfigError
from kmlp.inference.classifier import load_classifier
from kmlp.model.keras_files import check_model_file

LAYERS = keras.layers
WEIGHTS = "model.weights.h5"


@pytest.fixture(scope="module")
def members(tmp_path_factory):
    """The members of a small model's file."""
    path = tmp_path_factory.mktemp("model") / "good.keras"
    keras.Sequential([keras.Input((4, 4)), LAYERS.Flatten(), LAYERS.Dense(3)]).save(path)
    with zipfile.ZipFile(path) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def pack(path, members, **options):
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED, **options) as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return path


def peak_of(function):
    """Call a function, and return the peak of Python's memory meanwhile, in bytes."""
    tracemalloc.start()
    try:
        function()
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


def assert_refused(path, message):
    def load():
        with pytest.raises(ConfigError, match=message) as refusal:
            load_classifier(path)
        assert str(path) in str(refusal.value)
        assert len(str(refusal.value)) < 700

    assert peak_of(load) < 2**26


def with_layers(members, change):
    description = json.loads(members["config.json"])
    change(description["config"]["layers"])
    return members | {"config.json": json.dumps(description).encode()}


def test_a_file_with_additional_members_is_loaded(tmp_path, members):
    others = {"assets/": b"", "assets/words.txt": b"a\nb"}
    classifier = load_classifier(pack(tmp_path / "a.keras", members | others))
    assert (classifier.input_shape, classifier.num_classes) == ((4, 4), 3)
    assert classifier.batch == 1000


def with_large_images(layers):
    layers[0]["config"]["batch_shape"] = [None, 10**5, 10**5]
    for layer in layers:
        layer.pop("build_config", None)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda layers: layers[-1]["config"].update(units=10**9), "its layers up to dense.* have 1[67],000,000,0.. weights, but the file has 51"),
        (lambda layers: layers[-1]["config"].update(units=10**30), "cannot be loaded|its layers up to dense"),
        (with_large_images, "its layers up to dense.* have 30,000,000,000 weights"),
        (lambda layers: layers[-1]["config"].update(units=-1), "cannot be loaded"),
    ],
    ids=["units", "more than any", "input", "negative"],
)  # fmt: skip
def test_a_model_of_more_weights_than_the_file_has_is_refused(
    tmp_path, members, change, message
):
    assert_refused(pack(tmp_path / "a.keras", with_layers(members, change)), message)
    restored = keras.layers.Layer.add_weight
    assert "keras_files" not in restored.__code__.co_filename


def test_a_layer_whose_output_exceeds_memory_is_refused(tmp_path):
    layers = [
        LAYERS.Reshape((4, 4, 1)),
        LAYERS.UpSampling2D(20_000),
        LAYERS.GlobalMaxPool2D(),
    ]
    model = keras.Sequential([keras.Input((4, 4)), *layers, LAYERS.Dense(3)])
    model.save(tmp_path / "a.keras")
    assert_refused(tmp_path / "a.keras", "layer up_sampling2d.* 6,400,000,000 numbers")


def test_a_model_with_large_layers_gets_small_batches(tmp_path):
    layers = [LAYERS.Reshape((4, 4, 1)), LAYERS.UpSampling2D(256), LAYERS.GlobalMaxPool2D()]
    model = keras.Sequential([keras.Input((4, 4)), *layers, LAYERS.Dense(3)])
    model.save(tmp_path / "a.keras")
    classifier = load_classifier(tmp_path / "a.keras")
    assert classifier.batch == 256
    images = np.zeros((2, 4, 4), "uint8")
    assert classifier.class_probabilities(images).shape == (2, 3)


def nested(depth):
    return b'{"a":' * depth + b"1" + b"}" * depth


@pytest.mark.once
@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"big": bytes(20_000_000)}, r"states 20,.* at most 16,777,216"),
        ({"config.json": None}, "it has no config.json"),
        ({"metadata.json": None}, "it has no metadata.json"),
        ({WEIGHTS: None}, "it has no model.weights.h5"),
        ({"config.json": b"{"}, "config.json is not JSON"),
        ({"config.json": b"\xff\xfe{"}, "config.json is not JSON"),
        ({"config.json": nested(101)}, "nested more than 100 deep"),
        ({"config.json": nested(100_000)}, "nested more than 100 deep"),
        ({"config.json": b" " * (2**23 + 1)}, "config.json has 8,388,609 bytes, but must"),
        ({"config.json": b'["class_name"%s]' % (b',"class_name"' * 20_000)}, "describes 20,001 objects"),
        ({"../a": b""}, r"its member \.\./a "),
        ({"/a": b""}, "its member /a "),
        ({"a/../../b": b""}, r"its member a/\.\./\.\./b "),
        ({"C:a": b""}, "its member C:a "),
    ],
    ids=lambda value: str(value)[:40],
)  # fmt: skip
def test_the_members_of_a_file_are_checked_without_a_backend(
    tmp_path, members, change, message
):
    changed = members | change
    content = {name: data for name, data in changed.items() if data is not None}
    path = pack(tmp_path / "a.keras", content)

    def check():
        with pytest.raises(ConfigError, match=message) as refusal:
            check_model_file(path)
        assert len(str(refusal.value)) < 500

    assert peak_of(check) < 2**25


@pytest.mark.once
@pytest.mark.parametrize("kind", ["encrypted", "twice", "crc", "longer", "overlapping"])
def test_a_manipulated_zip_archive_is_refused(tmp_path, members, kind):
    path = pack(tmp_path / "a.keras", members)
    content = bytearray(path.read_bytes())
    entry = content.index(b"PK\x01\x02", content.rindex(b"config.json") - 46)
    last = content.rindex(b"PK\x01\x02")
    if kind == "encrypted":
        content[entry + 8] |= 1
    elif kind == "crc":
        content[last + 16] ^= 1
    elif kind == "longer":  # twice as long as stated
        size = int.from_bytes(content[last + 24 : last + 28], "little")
        content[last + 24 : last + 28] = (size // 2).to_bytes(4, "little")
    elif kind == "overlapping":
        content[last + 42 : last + 46] = content[entry + 42 : entry + 46]
    path.write_bytes(content)
    if kind == "twice":
        with (
            zipfile.ZipFile(path, "a") as archive,
            warnings.catch_warnings(action="ignore"),
        ):
            archive.writestr("config.json", "{}")
    assert_refused(path, "cannot be loaded")


def external(file):
    file.create_dataset("a", (10,), "f4", external=[("/etc/passwd", 0, 40)])


def virtual(file):
    layout = h5py.VirtualLayout((100,), "f4")
    layout[:] = h5py.VirtualSource("/elsewhere.h5", "a", (100,))
    file.create_virtual_dataset("a", layout)


def group_in_itself(file):
    group = file.create_group("a")
    group["again"] = file["/"]
    file.create_dataset("b", (10**12,), "f4", chunks=(1000,))


@pytest.mark.once
@pytest.mark.parametrize(
    ("write", "message"),
    [
        (lambda file: file.create_dataset("a", (10**6, 10**6), "f4", chunks=(10, 10)), "weights state 4,000,000,000,000 bytes, but have"),
        (lambda file: file.create_dataset("a", (2**23,), "f4", chunks=(2**23,), compression="gzip", fillvalue=1), "weights state 33,554,432 bytes, but have"),
        (group_in_itself, "weights state 4,000,000,000,000 bytes"),
        (external, "/a of its weights .* other files"),
        (virtual, "/a of its weights .* other files"),
        (lambda file: file.__setitem__("a", h5py.ExternalLink("/other.h5", "/b")), "a of its weights is a link"),
        (lambda file: file.__setitem__("a", h5py.SoftLink("/b")), "a of its weights is a link"),
        (lambda file: file.__setitem__("a", ["text"] * 9), "/a of its weights .* array of numbers"),
        (lambda file: file.__setitem__("a", np.dtype("f4")), "/a of its weights .* array of numbers"),
        (None, "its weights are damaged"),
    ],
    ids=["shape", "packed", "itself", "external", "virtual", "file", "link", "texts", "type", "none"],
)  # fmt: skip
def test_weights_are_checked_before_they_are_read(tmp_path, members, write, message):
    weights = io.BytesIO(b"no HDF5" if write is None else b"")
    if write is not None:
        with h5py.File(weights, "w") as file:
            write(file)
    path = pack(tmp_path / "a.keras", members | {WEIGHTS: weights.getvalue()})
    assert_refused(path, message)
