"""The sample plugin passes what every plugin has to pass."""

from __future__ import annotations

from collections.abc import Sequence
from types import ModuleType

import pytest
from crm_core.testing.contract import PluginContract
from crm_core.testing.sample_plugin import plugin as sample


@pytest.fixture
def plugins() -> Sequence[tuple[str, ModuleType]]:
    return [("sample", sample)]


class TestSample(PluginContract):
    plugin = "sample"
