"""The table of laws: a line each."""

import importlib
from types import ModuleType

from advlib.laws import approach1, approach2, approach3, interaction
from advlib.laws.form import Form

FORMS = (
    approach1.FORM,
    approach2.FORM,
    approach3.FORM,
    interaction.FORM,
)
APPROACHES = tuple(dict.fromkeys(form.approach for form in FORMS))


def form_of(approach: int, variant: str | None = "") -> Form:
    """The form of an approach, a member of APPROACHES, that has that variant, else its first."""
    own = [form for form in FORMS if form.approach == approach]
    return next((form for form in own if form.variant(variant or "")), own[0])


def fitting_module(form: Form) -> ModuleType:
    """The module that fits it, of the same name in `fitting`; loads NumPy."""
    return importlib.import_module(f"advlib.laws.fitting.{form.module}")


def optional_variants() -> dict[str, tuple[Form, str]]:
    """Variants that an option asks for: the form and the option's help, by name."""
    return {v.name: (form, v.option) for form in FORMS for v in form.variants if v.option}
