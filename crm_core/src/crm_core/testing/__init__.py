"""What tests of the CRM and of plugins are made with: fixtures (`plugin.py`), `contract.py`, a sample plugin."""
