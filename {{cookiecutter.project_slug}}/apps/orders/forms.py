"""What a request about orders has to look like."""

from collections.abc import Iterator
from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.core.validators import RegexValidator

from apps.orders.models import Customer, Item, Order

MOST_ITEMS = 100
"""Items that one order may have."""


class JsonTextField(forms.CharField):
    """Text from JSON, which also holds numbers and lists, and halves of characters in strings."""

    default_validators = [
        RegexValidator("[\ud800-\udfff]", "Enter whole characters.", inverse_match=True)
    ]

    def to_python(self, value: Any) -> str | None:
        if value is not None and not isinstance(value, str):
            raise ValidationError("Enter text.", code="invalid")
        return super().to_python(value)


class JsonForm(forms.ModelForm):  # type: ignore[type-arg]
    """The fields of a model, checked without the database.

    The validators say all that the constraints do, and what is unique is for the transaction to
    find out.
    """

    def validate_unique(self) -> None:
        pass

    def validate_constraints(self) -> None:
        pass


class CustomerForm(JsonForm):
    class Meta:
        model = Customer
        fields = ["name", "email"]
        field_classes = {"name": JsonTextField, "email": JsonTextField}

    def clean_email(self) -> str:
        email: str = self.cleaned_data["email"]
        return email.lower()


class ItemForm(JsonForm):
    class Meta:
        model = Item
        fields = ["sku", "quantity", "unit_price"]
        field_classes = {"sku": JsonTextField}


ItemFormSet = forms.formset_factory(
    ItemForm,
    min_num=1,
    validate_min=True,
    max_num=MOST_ITEMS,
    validate_max=True,
    absolute_max=MOST_ITEMS,
)


class NewOrderForm:
    """An order as JSON has it: a customer, and a list of items.

    What is not an object or a list where one is needed counts as an empty one, so that its
    fields are reported as missing.
    """

    def __init__(self, content: object) -> None:
        order = content if isinstance(content, dict) else {}
        customer, items = order.get("customer"), order.get("items")
        self._customer = CustomerForm(customer if isinstance(customer, dict) else {})
        self._items = ItemFormSet(
            dict(_as_submitted(items if isinstance(items, list) else [])),
            prefix="items",
            form_kwargs={"empty_permitted": False},
            error_messages={
                "too_few_forms": "Order at least %(num)d item.",
                "too_many_forms": "Order at most %(num)d items.",
            },
        )

    @property
    def errors(self) -> dict[str, list[str]]:
        """What is wrong, by the path of the field, such as `items.1.quantity`."""
        errors: dict[str, list[str]] = {}
        for field, messages in self._customer.errors.items():
            errors[f"customer.{field}"] = [str(message) for message in messages]
        for number, form in enumerate(self._items.forms):
            for field, messages in form.errors.items():
                errors[f"items.{number}.{field}"] = [str(message) for message in messages]
        if about_all := self._items.non_form_errors():
            errors["items"] = [str(message) for message in about_all]
        return errors

    @property
    def customer(self) -> Customer:
        """The customer of a valid order, not saved."""
        customer: Customer = self._customer.instance
        return customer

    @property
    def items(self) -> list[Item]:
        """The items of a valid order, not saved."""
        return [form.instance for form in self._items.forms]


def _as_submitted(items: list[Any]) -> Iterator[tuple[str, Any]]:
    """Name a list of items as the form that a browser submits would."""
    yield "items-TOTAL_FORMS", len(items)
    yield "items-INITIAL_FORMS", 0
    for number, item in enumerate(items):
        if isinstance(item, dict):
            for field, value in item.items():
                yield f"items-{number}-{field}", value


class PageForm(forms.Form):
    """Which page of the newest orders: those before an order's id, or the first."""

    before = forms.IntegerField(required=False, min_value=1)


class IdempotencyKeyForm(forms.Form):
    """What an `Idempotency-Key` header may hold."""

    idempotency_key = forms.CharField(
        max_length=Order._meta.get_field("idempotency_key").max_length,
        required=False,
        empty_value=None,
    )
