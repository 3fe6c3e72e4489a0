from django.apps import AppConfig


class AccountsConfig(AppConfig):
    """The users."""

    name = "apps.accounts"
