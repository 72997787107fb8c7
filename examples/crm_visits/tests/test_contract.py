"""What every plugin has to pass."""

from crm_core.testing.contract import PluginContract


class TestVisits(PluginContract):
    plugin = "visits"
