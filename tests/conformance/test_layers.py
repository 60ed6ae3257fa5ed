"""Every layer of Keras is trained as by `model.fit`, or is listed as refused."""

import keras
import numpy as np
import pytest
from helpers.conforming import BACKEND, EXAMPLES, aliases, difference, differences, names_of

pytestmark = [
    pytest.mark.slow,
    # Keras warns of types that a backend lacks, for example. Warnings are not compared.
    pytest.mark.filterwarnings("ignore::UserWarning"),
]

layers = keras.layers
RNG = np.random.default_rng(0)
DATA = {
    "features": RNG.normal(size=(EXAMPLES, 6)).astype("float32"),
    "steps": RNG.normal(size=(EXAMPLES, 6, 4)).astype("float32"),
    "image": RNG.normal(size=(EXAMPLES, 8, 8, 3)).astype("float32"),
    "volume": RNG.normal(size=(EXAMPLES, 4, 4, 4, 2)).astype("float32"),
    "rows": RNG.normal(size=(EXAMPLES, 3, 6, 2)).astype("float32"),
    "frames": RNG.normal(size=(EXAMPLES, 2, 4, 4, 2)).astype("float32"),
    "volumes": RNG.normal(size=(EXAMPLES, 2, 3, 3, 3, 1)).astype("float32"),
    "tokens": RNG.integers(0, 9, (EXAMPLES, 5)).astype("int32"),
    "pixels": RNG.integers(0, 256, (EXAMPLES, 8, 8, 3)).astype("float32"),
    "sound": RNG.normal(size=(EXAMPLES, 64, 1)).astype("float32"),
}
Y = RNG.normal(size=(EXAMPLES, 2)).astype("float32")


def of(name, *arguments, **options):
    """A function that creates a layer with these arguments."""
    return lambda: getattr(layers, name)(*arguments, **options)


def pooling(dimensions):
    return {
        f"{name}{dimensions}D": of(f"{name}{dimensions}D", 2)
        for name in ("AdaptiveAveragePooling", "AdaptiveMaxPooling", "AveragePooling", "MaxPooling")
    }  # fmt: skip


def global_pooling(dimensions):
    names = (f"GlobalAveragePooling{dimensions}D", f"GlobalMaxPooling{dimensions}D")
    return {name: of(name) for name in names}


def seeded(*names, **options):
    return {name: of(name, seed=3, **options) for name in names}


def of_two(name, *arguments, **options):
    """A layer of two inputs, which are the input and its negative."""
    return lambda: lambda x: getattr(layers, name)(*arguments, **options)([x, -x])


def self_attention(name, *arguments, **options):
    """A layer whose query and value are the same input."""
    return lambda: lambda x: getattr(layers, name)(*arguments, **options)(x, x)


def normalization():
    layer = layers.Normalization()
    layer.adapt(DATA["features"])
    return layer


LAYERS_BY_INPUT = {
    "features": {
        "Activation": of("Activation", "gelu"),
        "ActivityRegularization": of("ActivityRegularization", l1=0.1, l2=0.1),
        **{name: of_two(name) for name in ("Add", "Average", "Concatenate", "Maximum", "Minimum", "Multiply", "Subtract")},
        "Dot": lambda: lambda x: layers.Dot(1)([x, -x]),
        **seeded("AlphaDropout", "Dropout", "GaussianDropout", rate=0.3),
        "GaussianNoise": of("GaussianNoise", 0.5, seed=3),
        "BatchNormalization": of("BatchNormalization"),
        "Dense": of("Dense", 3, kernel_regularizer=keras.regularizers.OrthogonalRegularizer(), bias_constraint="unit_norm"),
        "EinsumDense": of("EinsumDense", "ab,bc->ac", output_shape=3),
        "ELU": of("ELU"),
        "Flatten": of("Flatten"),
        "GroupNormalization": of("GroupNormalization", 2),
        "Identity": of("Identity"),
        "Lambda": of("Lambda", lambda x: x * 2),
        "LayerNormalization": of("LayerNormalization"),
        "LeakyReLU": of("LeakyReLU"),
        "Normalization": normalization,
        "PReLU": of("PReLU"),
        "RepeatVector": of("RepeatVector", 2),
        "ReLU": of("ReLU", max_value=1.0),
        "Rescaling": of("Rescaling", 2.0),
        "Reshape": of("Reshape", (2, 3)),
        "RMSNormalization": of("RMSNormalization"),
        "Softmax": of("Softmax"),
        "SpectralNormalization": lambda: layers.SpectralNormalization(layers.Dense(3)),
        "UnitNormalization": of("UnitNormalization"),
        "Discretization": of("Discretization", [-1.0, 0.0, 1.0], output_mode="one_hot"),
        "Pipeline": lambda: layers.Pipeline([layers.Rescaling(2.0), layers.Rescaling(0.5)]),
    },
    "steps": {
        "AdditiveAttention": of_two("AdditiveAttention"),
        "Attention": of_two("Attention", use_scale=True, dropout=0.3, seed=3),
        "Bidirectional": lambda: layers.Bidirectional(layers.GRU(2)),
        "Conv1D": of("Conv1D", 2, 3),
        "Conv1DTranspose": of("Conv1DTranspose", 2, 3),
        "Cropping1D": of("Cropping1D", 1),
        "DepthwiseConv1D": of("DepthwiseConv1D", 3),
        "GroupQueryAttention": self_attention("GroupQueryAttention", 2, 2, 1, dropout=0.3, seed=3),
        "GRU": of("GRU", 3, dropout=0.3, recurrent_dropout=0.3, seed=3),
        "LSTM": of("LSTM", 3, return_sequences=True),
        "Masking": lambda: keras.Sequential([layers.Masking(0.0), layers.LSTM(2)]),
        "MultiHeadAttention": self_attention("MultiHeadAttention", 2, 2, dropout=0.3, seed=3),
        "Permute": of("Permute", (2, 1)),
        "RNN": lambda: layers.RNN([layers.GRUCell(2), layers.LSTMCell(2), layers.SimpleRNNCell(2)]),
        "SeparableConv1D": of("SeparableConv1D", 2, 3),
        "SimpleRNN": of("SimpleRNN", 3),
        "SpatialDropout1D": of("SpatialDropout1D", 0.3, seed=3),
        "TimeDistributed": lambda: layers.TimeDistributed(layers.Dense(2)),
        "UpSampling1D": of("UpSampling1D", 2),
        "ZeroPadding1D": of("ZeroPadding1D", 1),
        **pooling(1),
        **global_pooling(1),
    },
    "image": {
        "CenterCrop": of("CenterCrop", 4, 4),
        "Conv2D": of("Conv2D", 2, 3, strides=2, padding="same"),
        "Conv2DTranspose": of("Conv2DTranspose", 2, 3),
        "Cropping2D": of("Cropping2D", 1),
        "DepthwiseConv2D": of("DepthwiseConv2D", 3),
        "Resizing": of("Resizing", 4, 4),
        "SeparableConv2D": of("SeparableConv2D", 2, 3),
        "SpatialDropout2D": of("SpatialDropout2D", 0.3, seed=3),
        "UpSampling2D": of("UpSampling2D", 2),
        "ZeroPadding2D": of("ZeroPadding2D", 1),
        **pooling(2),
        **global_pooling(2),
    },
    "volume": {
        "Conv3D": of("Conv3D", 2, 2),
        "Conv3DTranspose": of("Conv3DTranspose", 2, 2),
        "Cropping3D": of("Cropping3D", 1),
        "SpatialDropout3D": of("SpatialDropout3D", 0.3, seed=3),
        "UpSampling3D": of("UpSampling3D", 2),
        "ZeroPadding3D": of("ZeroPadding3D", 1),
        **pooling(3),
        **global_pooling(3),
    },
    "rows": {"ConvLSTM1D": of("ConvLSTM1D", 2, 2)},
    "frames": {"ConvLSTM2D": of("ConvLSTM2D", 2, 2)},
    "volumes": {"ConvLSTM3D": of("ConvLSTM3D", 1, 2)},
    "tokens": {
        "CategoryEncoding": of("CategoryEncoding", 9, output_mode="multi_hot"),
        "Embedding": of("Embedding", 9, 3, mask_zero=True),
        "HashedCrossing": lambda: lambda x: layers.HashedCrossing(5, output_mode="one_hot")((x[:, :1], x[:, 1:2])),
        "Hashing": lambda: keras.Sequential([layers.Hashing(5), layers.Embedding(5, 2)]),
        "IntegerLookup": lambda: layers.IntegerLookup(vocabulary=[1, 2, 3], output_mode="multi_hot"),
        "ReversibleEmbedding": of("ReversibleEmbedding", 9, 3),
    },
    "pixels": {
        **{name: of(name) for name in ("AutoContrast", "Equalization", "ContrastLimitedAdaptiveHistogramEqualization")},
        **seeded("RandomBrightness", "RandomContrast", "RandomRotation", factor=0.3),
        **seeded("RandomColorDegeneration", "RandomHue", "RandomPerspective", "RandomSharpness", "RandomSaturation", factor=0.5),
        **seeded("RandomErasing", "RandomFlip", "RandomGaussianBlur", "RandomGrayscale", "RandomInvert", "CutMix", "MixUp", "RandAugment", "RandomElasticTransform"),
        "RandomColorJitter": of("RandomColorJitter", brightness_factor=0.3, contrast_factor=0.3, saturation_factor=0.3, hue_factor=0.3, seed=3),
        "AugMix": of("AugMix", num_chains=1, chain_depth=1, seed=3),
        "RandomCrop": lambda: keras.Sequential([layers.RandomCrop(6, 6, seed=3), layers.GlobalAveragePooling2D()]),
        "RandomZoom": of("RandomZoom", 0.3, seed=3),
        "RandomPosterization": of("RandomPosterization", 4, seed=3),
        "RandomShear": of("RandomShear", 0.3, 0.3, seed=3),
        "RandomTranslation": of("RandomTranslation", 0.3, 0.3, seed=3),
        "Solarization": of("Solarization", 0.3, seed=3),
    },
    "sound": {
        "MelSpectrogram": lambda: lambda x: layers.MelSpectrogram(fft_length=16, sequence_stride=8, num_mel_bins=4, sampling_rate=100)(x[..., 0]),
        "STFTSpectrogram": of("STFTSpectrogram", frame_length=16, frame_step=8, fft_length=16),
    },
}  # fmt: skip
INPUT_AND_MAKE = {
    name: (kind, make)
    for kind, makes in LAYERS_BY_INPUT.items()
    for name, make in makes.items()
}
COVERED = {"GRUCell", "LSTMCell", "SimpleRNNCell", "StackedRNNCells"}  # within RNN
NOT_COVERED = {
    **dict.fromkeys(
        ["add", "average", "concatenate", "dot", "maximum", "minimum", "multiply", "subtract"],
        "calls the layer of that name",
    ),
    "FlaxLayer": "needs Flax", "JaxLayer": "wraps a function of JAX",
    "Input": "makes an input", "InputLayer": "is an input", "InputSpec": "describes one",
    "Layer": "the base class", "Wrapper": "a base class",
    "MaxNumBoundingBoxes": "takes boxes, not arrays",
    "StringLookup": "takes texts", "TextVectorization": "takes texts",
    "TFSMLayer": "loads a model of TensorFlow from a file",
    "TorchModuleWrapper": "wraps a module of PyTorch",
    "deserialize": "creates a layer from a configuration",
    "serialize": "creates a configuration",
}  # fmt: skip
BY_PYTHON = "draws from Python's `random`, which a compiled program would repeat"
REFUSED = {
    "tensorflow": {"AugMix": BY_PYTHON},
    "jax": {
        "AugMix": BY_PYTHON,
        **dict.fromkeys(
            ["HashedCrossing", "Hashing", "IntegerLookup"],
            "uses operations of TensorFlow",
        ),
        "RandomCrop": "slices at values, which JAX cannot compile",
        "RandomElasticTransform": "converts a value to an int, which JAX cannot compile",
    },
    "torch": dict.fromkeys(
        [
            "AugMix", "CategoryEncoding", "ContrastLimitedAdaptiveHistogramEqualization",
            "CutMix", "Discretization", "HashedCrossing", "Hashing", "IntegerLookup",
            "MixUp", "RandAugment", "RandomCrop", "RandomElasticTransform",
            "RandomGaussianBlur",
        ],
        "reads computed values in Python, which a graph cannot",
    ),
}[BACKEND]  # fmt: skip


def test_every_name_of_keras_layers_is_listed():
    covered = aliases(layers, INPUT_AND_MAKE.keys() | COVERED)
    assert names_of(layers) == covered | NOT_COVERED.keys()


def inputs_of(names):
    return dict.fromkeys(INPUT_AND_MAKE[name][0] for name in names)


def many_layers(names):
    """A model with each layer between two dense ones, if its input is not integers."""
    inputs = {
        kind: keras.Input(DATA[kind].shape[1:], name=kind, dtype=DATA[kind].dtype)
        for kind in inputs_of(names)
    }
    outputs = []
    for name in names:
        kind, make = INPUT_AND_MAKE[name]
        x = inputs[kind]
        if kind not in ("tokens", "pixels"):
            x = layers.Dense(x.shape[-1], name=f"before_{name}")(x)
        x = layers.Flatten()(make()(x))
        outputs.append(
            layers.Dense(2, name=f"after_{name}")(
                layers.Rescaling(1e-3 if kind == "pixels" else 0.01)(x)
            )
        )
    model = keras.Model(inputs, layers.Add()([*outputs, outputs[0]]))
    model.compile(keras.optimizers.SGD(0.01), "mse")
    return model


def run(names):
    data = {kind: DATA[kind] for kind in inputs_of(names)}
    return difference(lambda: many_layers(names), data, Y)


@pytest.mark.parametrize("kind", LAYERS_BY_INPUT)
def test_layers_are_trained_as_by_model_fit(kind):
    names = [name for name in LAYERS_BY_INPUT[kind] if name not in REFUSED]
    assert differences(names, run) == {}


@pytest.mark.parametrize("name", REFUSED)
def test_a_layer_that_is_listed_as_refused_is_refused(name):
    assert run([name]).startswith("refused")
