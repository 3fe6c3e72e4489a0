"""To look at images and delete them; what they are is for the service alone to write."""

from django.contrib import admin
from django.http import HttpRequest

from apps.images.models import Image


@admin.register(Image)
class ImageAdmin(admin.ModelAdmin):  # type: ignore[type-arg]
    list_display = ["id", "status", "percent", "name", "created_at"]
    list_filter = ["status"]
    ordering = ["-created_at"]
    show_full_result_count = False

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: object = None) -> bool:
        return False
