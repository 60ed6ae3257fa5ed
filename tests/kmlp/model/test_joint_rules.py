"""Values that do not go together are refused with the remedy."""

import pytest

from kmlp import ConfigError, RunConfig

pytestmark = pytest.mark.once


@pytest.mark.parametrize(("width", "depth"), [((8, 9), 3), ((8, 8), 3), ((8,), 0)])
def test_a_depth_that_contradicts_the_width_is_refused(width, depth):
    with pytest.raises(ConfigError) as refusal:
        RunConfig(width=width, depth=depth)
    text = str(refusal.value)
    assert f"`width` is {width}, for {len(width)} hidden layers" in text
    assert f"`depth` is {depth}. " in text


@pytest.mark.parametrize(
    ("fields", "others"),
    [
        ({"momentum": 0.9, "optimizer": "adam"}, "sgd, muon, rmsprop"),
        ({"nesterov": True, "momentum": 0.9, "optimizer": "rmsprop"}, "sgd, muon"),
        ({"nesterov": True, "optimizer": "adam"}, "sgd, muon"),
        ({"beta_1": 0.9}, "adam, "),
        ({"rho": 0.9, "optimizer": "adam"}, "adadelta, rmsprop"),
        ({"epsilon": 1e-3}, "adam, "),
    ],
)
def test_a_field_that_the_optimizer_lacks_is_refused_with_those_that_have_it(
    fields, others
):
    optimizer = fields.get("optimizer", "sgd")
    with pytest.raises(ConfigError, match=f"the optimizer {optimizer} has no") as refusal:
        RunConfig(**fields)
    [problem] = refusal.value.problems
    assert others in problem


@pytest.mark.parametrize("name", ["lion", "schedulefreeadamw"])
def test_some_optimizers_need_a_mean_of_gradients(name):
    with pytest.raises(ConfigError, match=rf"`beta_1` is 0\.0, .*{name}"):
        RunConfig(optimizer=name, beta_1=0)
    assert RunConfig(optimizer=name, beta_1=0.1).beta_1 == 0.1
    assert RunConfig(optimizer="adam", beta_1=0).beta_1 == 0


def test_nesterov_needs_momentum():
    with pytest.raises(ConfigError, match=r"`nesterov`.*`momentum`"):
        RunConfig(nesterov=True)
    assert RunConfig(nesterov=True, momentum=0.5).nesterov
    assert not RunConfig(optimizer="muon", momentum=0).nesterov
    with pytest.raises(ConfigError, match=r"muon has by default.*`nesterov` false"):
        RunConfig(optimizer="muon").with_fields(momentum=0)


def test_batch_normalization_needs_several_images():
    with pytest.raises(ConfigError, match=r"`normalization`.*`batch_size` is 1.*layer"):
        RunConfig(normalization="batch", batch_size=1)
    assert RunConfig(normalization="layer", batch_size=1).batch_size == 1
    assert RunConfig(normalization="batch", batch_size=2).batch_size == 2


def test_a_split_of_its_own_needs_a_split():
    with pytest.raises(ConfigError, match=r"`resplit`.*`validation_fraction`"):
        RunConfig(resplit=True, validation_fraction=None)
    assert RunConfig(resplit=True, validation_fraction=0.2).resplit


@pytest.mark.parametrize("fraction", [None, 0.2])
def test_folds_are_not_another_kind_of_split_at_the_same_time(fraction):
    with pytest.raises(ConfigError, match=r"`folds`.*`validation_fraction`"):
        RunConfig(folds=5, validation_fraction=fraction)
    with pytest.raises(ConfigError, match=r"`folds`.*`resplit`"):
        RunConfig(folds=5, resplit=True)
    assert not RunConfig(folds=5).validates_on_test


@pytest.mark.parametrize("loss", ["multi_margin", "mse", "kl_divergence"])
def test_only_cross_entropies_have_label_smoothing(loss):
    with pytest.raises(ConfigError, match=rf'`label_smoothing`.*"{loss}".*cross_entropy'):
        RunConfig(loss=loss, label_smoothing=0.1)
    assert RunConfig(loss="nll", label_smoothing=0.1).label_smoothing == 0.1


@pytest.mark.parametrize("normalization", ["batch", "layer"])
def test_normalization_needs_a_hidden_layer(normalization):
    with pytest.raises(ConfigError, match=r"`normalization`.*`depth` is 0"):
        RunConfig(depth=0, normalization=normalization)


def test_output_must_fit_the_loss():
    with pytest.raises(ConfigError, match="linear"):
        RunConfig(output="softmax")
    assert RunConfig(loss="mse", output="sigmoid").output == "sigmoid"


def test_dropout_without_a_hidden_layer_is_refused_with_the_remedy():
    with pytest.raises(ConfigError, match=r"`dropout` is 0\.3, .*`input_dropout`"):
        RunConfig(depth=0, dropout=0.3)
    assert RunConfig(depth=0, input_dropout=0.3).dropout == 0


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"loss": "cross_entropy"}, r'"cross_entropy".*is a number.*mse, mae, huber'),
        ({"loss": "hinge"}, r'"hinge".*`targets="number"`'),
        ({"label_smoothing": 0.1}, r"`label_smoothing` is 0\.1, but diabetes has no class"),
        ({"label_noise": 0.1}, r"`label_noise` is 0\.1, but diabetes has no classes"),
        ({"output": "softmax"}, r"`output` is 'softmax'.*linear"),
        ({"augmentation": "flip"}, r"`augmentation`.*diabetes is a table"),
    ],
)
def test_a_regression_has_no_classes_and_a_table_no_images(fields, message):
    with pytest.raises(ConfigError, match=message) as refusal:
        RunConfig(dataset="diabetes", **fields)
    assert len(refusal.value.problems) == 1
    assert RunConfig(dataset="diabetes", loss="huber", gaussian_noise=0.1).output is None


def test_a_table_of_classes_has_the_losses_of_images_and_no_augmentation():
    assert RunConfig(dataset="wine", loss="nll", label_smoothing=0.1).dataset == "wine"
    with pytest.raises(ConfigError, match=r"`augmentation`.*wine is a table"):
        RunConfig(dataset="wine", augmentation="shift:2")
