"""The cache of all doctests, apart from the one of the user."""

import pytest


@pytest.fixture(scope="session")
def cache_of_doctests(tmp_path_factory):
    """A folder for the datasets that examples keep."""
    return str(tmp_path_factory.mktemp("cache"))


@pytest.fixture(autouse=True)
def own_cache(request):
    """Examples that keep a dataset leave the user's cache alone."""
    if isinstance(request.node, pytest.DoctestItem):
        folder = request.getfixturevalue("cache_of_doctests")
        request.getfixturevalue("monkeypatch").setenv("KMLP_CACHE_DIR", folder)
