"""What others use of web forms: the declaration of what forms may make, by the hook `crm_form_targets`.

@hookimpl
def crm_form_targets() -> Sequence[FormTarget]:
    return (FormTarget(entity="cases.case", fields=("subject", "description", "email")),)
"""

from __future__ import annotations

from crm_core.features.web_forms.actions import Sent, submit
from crm_core.features.web_forms.models import WebForm, WebFormSubmission
from crm_core.features.web_forms.queries import source_of
from crm_core.plugin import FormTarget

__all__ = ["FormTarget", "Sent", "WebForm", "WebFormSubmission", "source_of", "submit"]
