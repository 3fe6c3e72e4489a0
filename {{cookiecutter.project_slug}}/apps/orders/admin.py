"""Pages that stay quick with many orders: no query per row, no list to choose from among all."""

from django.contrib import admin

from apps.orders.models import Customer, Item, Order


class ItemInline(admin.TabularInline):  # type: ignore[type-arg]
    model = Item
    extra = 0


@admin.register(Customer)
class CustomerAdmin(admin.ModelAdmin):  # type: ignore[type-arg]
    list_display = ["email", "name"]
    ordering = ["email"]
    search_fields = ["email", "name"]
    show_full_result_count = False


@admin.register(Order)
class OrderAdmin(admin.ModelAdmin):  # type: ignore[type-arg]
    list_display = ["id", "customer", "status", "created_at"]
    list_filter = ["status"]
    list_select_related = ["customer"]
    ordering = ["-id"]
    search_fields = ["customer__email", "customer__name"]
    show_full_result_count = False
    autocomplete_fields = ["customer"]
    readonly_fields = ["created_at", "idempotency_key"]
    inlines = [ItemInline]
