"""What a plugin's pages and endpoints use."""

from __future__ import annotations

from crm_core.web.controllers import ApiController, PageController
from crm_core.web.forms import Form
from crm_core.web.page import FormInvalid, Page, page, redirect

__all__ = ["ApiController", "Form", "FormInvalid", "Page", "PageController", "page", "redirect"]
