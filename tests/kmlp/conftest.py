"""What tests of pages need."""

import pytest

from kmlp.errors import ConfigError
from kmlp.report.pages import find_browser


@pytest.fixture(scope="module")
def chromium():
    try:
        path = find_browser()
    except ConfigError:
        pytest.skip("needs Chromium: apt install chromium")
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path)
        yield browser
        browser.close()
