import pytest
from helpers.processes import python

import kmlp

pytestmark = pytest.mark.once

BACKENDS = "('keras', 'tensorflow', 'jax', 'torch')"


@pytest.mark.parametrize(
    "code",
    [
        "import kmlp",
        "from kmlp import RunConfig",
        "import kmlp.model.params; kmlp.model.params.param_names()",
    ],
)
def test_importing_kmlp_imports_no_backend(code):
    result = python(
        f"{code}; import sys; print([m for m in {BACKENDS} if m in sys.modules])"
    )
    assert result.stdout == "[]\n", result.stderr


def test_importing_kmlp_imports_not_even_numpy():
    result = python(
        "import kmlp, kmlp.model.params, kmlp.model.text, sys; print('numpy' in sys.modules)"
    )
    assert result.stdout == "False\n", result.stderr


def test_every_public_name_exists_and_is_listed():
    assert set(kmlp.__all__) <= set(dir(kmlp))
    for name in kmlp.__all__:
        assert getattr(kmlp, name).__name__ == name


def test_unknown_attribute_is_an_attribute_error():
    with pytest.raises(AttributeError, match="nothing"):
        kmlp.nothing  # noqa: B018
