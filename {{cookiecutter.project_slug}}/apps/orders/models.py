"""Orders, as they are kept."""

from decimal import Decimal

from django.core.validators import MinValueValidator
from django.db import models
from django.utils import timezone


class Customer(models.Model):
    """Who orders; known by the e-mail address."""

    name = models.CharField(max_length=200)
    email = models.EmailField(unique=True)

    def __str__(self) -> str:
        return f"{self.name} <{self.email}>"


class OrderManager(models.Manager["Order"]):
    """A relation that nobody thought of is fetched for all rows at once, not for each."""

    def get_queryset(self) -> models.QuerySet["Order"]:
        return super().get_queryset().fetch_mode(models.FETCH_PEERS)

    def with_details(self) -> models.QuerySet["Order"]:
        """Return orders with customer and items, in two queries; what else is fetched raises."""
        return (
            self.get_queryset()
            .select_related("customer")
            .prefetch_related("items")
            .fetch_mode(models.FETCH_RAISE)
        )


class Order(models.Model):
    """What a customer ordered; the higher the id, the newer.

    Attributes:
        idempotency_key: what the sender called its request, to send it again without ordering
            twice; None if it did not.
        fingerprint: of the request with that key, to tell it from another one.
    """

    class Status(models.TextChoices):
        PENDING = "pending"
        COMPLETED = "completed"

    customer = models.ForeignKey(Customer, on_delete=models.PROTECT, related_name="orders")
    status = models.CharField(max_length=20, choices=Status, default=Status.PENDING)
    created_at = models.DateTimeField(default=timezone.now, editable=False)
    idempotency_key = models.CharField(
        max_length=255, unique=True, null=True, blank=True, editable=False
    )
    fingerprint = models.CharField(max_length=64, blank=True, editable=False)

    objects = OrderManager()

    class Meta:
        indexes = [models.Index(fields=["status"], name="order_status")]

    def __str__(self) -> str:
        return f"Order {self.pk}"

    @property
    def total(self) -> Decimal:
        """What all items cost together."""
        return sum((item.quantity * item.unit_price for item in self.items.all()), Decimal())


class Item(models.Model):
    """So many of one thing, at the price of the day."""

    order = models.ForeignKey(Order, on_delete=models.CASCADE, related_name="items")
    sku = models.CharField("SKU", max_length=64)
    quantity = models.PositiveIntegerField(validators=[MinValueValidator(1)])
    unit_price = models.DecimalField(
        max_digits=10, decimal_places=2, validators=[MinValueValidator(0)]
    )

    class Meta:
        ordering = ["id"]
        constraints = [
            models.CheckConstraint(condition=models.Q(quantity__gte=1), name="item_quantity"),
            models.CheckConstraint(condition=models.Q(unit_price__gte=0), name="item_unit_price"),
        ]

    def __str__(self) -> str:
        return f"{self.quantity} x {self.sku}"
