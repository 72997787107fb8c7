"""The name of a browser and its system, for the list of sessions. A guess, for people only."""

from __future__ import annotations

# The first that is found counts: Edge and Opera say "Chrome" too, Chrome says "Safari" too.
BROWSERS = (
    ("Edg", "Edge"), ("OPR/", "Opera"), ("SamsungBrowser", "Samsung Internet"), ("Firefox/", "Firefox"),
    ("FxiOS", "Firefox"), ("CriOS", "Chrome"), ("Chrome/", "Chrome"), ("Safari/", "Safari"), ("curl/", "curl"),
    ("python-httpx", "Python"),
)  # fmt: skip
SYSTEMS = (
    ("iPhone", "iPhone"), ("iPad", "iPad"), ("Android", "Android"), ("Windows", "Windows"), ("CrOS", "ChromeOS"),
    ("Mac OS X", "macOS"), ("Linux", "Linux"),
)  # fmt: skip


def device(browser: str) -> str:
    """Return "Firefox, Linux" for a User-Agent header, "" when nothing in it is known."""
    found = [next((name for part, name in known if part in browser), "") for known in (BROWSERS, SYSTEMS)]
    return ", ".join(name for name in found if name)
