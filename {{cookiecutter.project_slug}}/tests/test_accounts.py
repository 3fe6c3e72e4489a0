"""The custom user model, and the admin."""

import pytest
from django.test import AsyncClient

from apps.accounts.models import User


@pytest.mark.django_db(transaction=True)
async def test_an_administrator_can_see_the_users(async_client: AsyncClient) -> None:
    ada = await User.objects.acreate_superuser("ada", "ada@example.com", "a-long-password")
    await async_client.aforce_login(ada)

    response = await async_client.get("/admin/accounts/user/")

    assert response.status_code == 200
    assert "ada@example.com" in response.content.decode()


@pytest.mark.django_db(transaction=True)
async def test_the_admin_asks_a_stranger_to_log_in(async_client: AsyncClient) -> None:
    response = await async_client.get("/admin/", follow=True)

    assert "Log in" in response.content.decode()
