"""What a plugin's pages and endpoints use."""

from __future__ import annotations

from crm_core.web.controllers import ApiController, PageController
from crm_core.web.forms import Form
from crm_core.web.page import FormInvalid, Page, page, redirect
from crm_core.web.webhooks import NotVerified, once, verify

__all__ = [
    "ApiController",
    "Form",
    "FormInvalid",
    "NotVerified",
    "Page",
    "PageController",
    "once",
    "page",
    "redirect",
    "verify",
]
