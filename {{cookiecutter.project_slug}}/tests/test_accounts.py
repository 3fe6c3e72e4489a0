"""The custom user model, logging in and out, and the admin."""

from functools import partial

import pytest
from asgiref.sync import sync_to_async
from django.contrib.auth import aauthenticate
from django.core.management import call_command
from django.test import AsyncClient, AsyncRequestFactory
from pytest_django import Settings

from apps.accounts.models import User

PASSWORD = "a-long-password"  # noqa: S105


@pytest.mark.django_db(transaction=True)
async def test_only_active_users_are_counted(async_client: AsyncClient) -> None:
    await User.objects.acreate_user("ada")
    await User.objects.acreate_user("bob")
    await User.objects.acreate_user("eve", is_active=False)

    response = await async_client.get("/api/accounts/active-count/")

    assert response.json() == {"active_users": 2}


@pytest.mark.django_db(transaction=True)
async def test_a_user_logs_in_is_named_on_the_page_and_logs_out(async_client: AsyncClient) -> None:
    await User.objects.acreate_user("ada", password=PASSWORD)
    assert "Log in" in (await async_client.get("/")).content.decode()

    response = await async_client.post(
        "/accounts/login/", {"username": "ada", "password": PASSWORD}, follow=True
    )
    assert response.redirect_chain == [("/", 302)]
    page = response.content.decode()
    assert "ada" in page
    assert "Log out" in page

    response = await async_client.post("/accounts/logout/", follow=True)
    assert response.redirect_chain == [("/", 302)]
    assert "Log in" in response.content.decode()


@pytest.mark.django_db(transaction=True)
async def test_a_wrong_password_is_told_and_logs_nobody_in(async_client: AsyncClient) -> None:
    await User.objects.acreate_user("ada", password=PASSWORD)

    response = await async_client.post("/accounts/login/", {"username": "ada", "password": "x"})

    assert response.status_code == 200
    assert "Please enter a correct username and password." in response.content.decode()
    assert "Log in" in (await async_client.get("/")).content.decode()


@pytest.mark.django_db(transaction=True)
async def test_an_address_that_failed_too_often_has_to_wait(
    async_client: AsyncClient, settings: Settings
) -> None:
    settings.AXES_ENABLED = True
    settings.AXES_FAILURE_LIMIT = 3
    await User.objects.acreate_user("ada", password=PASSWORD)
    login = partial(async_client.post, "/accounts/login/")

    for name in ("ada", "bob"):
        assert (await login({"username": name, "password": "wrong"})).status_code == 200
    refused = await login({"username": "eve", "password": "wrong"})
    right = await login({"username": "ada", "password": PASSWORD})

    assert [refused.status_code, right.status_code] == [429, 429]
    assert "Too many attempts" in right.content.decode()
    assert "Log in" in (await async_client.get("/")).content.decode()

    await sync_to_async(call_command)("axes_reset_ip", "127.0.0.1")
    assert (await login({"username": "ada", "password": PASSWORD})).status_code == 302


@pytest.mark.django_db(transaction=True)
async def test_the_limit_holds_for_code_that_logs_in_by_itself(settings: Settings) -> None:
    settings.AXES_ENABLED = True
    settings.AXES_FAILURE_LIMIT = 1
    await User.objects.acreate_user("ada", password=PASSWORD)
    request = AsyncRequestFactory().post("/api/log-in/")

    assert await aauthenticate(request, username="ada", password="wrong") is None  # noqa: S106
    assert await aauthenticate(request, username="ada", password=PASSWORD) is None


@pytest.mark.parametrize(
    ("asked", "goes"), [("/admin/", "/admin/"), ("https://evil.example/", "/"), ("//evil", "/")]
)
@pytest.mark.django_db(transaction=True)
async def test_logging_in_leads_only_to_pages_of_this_service(
    async_client: AsyncClient, asked: str, goes: str
) -> None:
    await User.objects.acreate_user("ada", password=PASSWORD)

    response = await async_client.post(
        "/accounts/login/", {"username": "ada", "password": PASSWORD, "next": asked}
    )

    assert response.status_code == 302
    assert response["location"] == goes


async def test_a_visitor_without_a_session_costs_the_page_no_query(
    async_client: AsyncClient,
) -> None:
    # Without the mark `django_db`, a query would fail the test.
    response = await async_client.get("/")

    assert response.status_code == 200
    assert "/accounts/login/" in response.content.decode()


@pytest.mark.django_db(transaction=True)
async def test_an_administrator_can_see_the_users(async_client: AsyncClient) -> None:
    ada = await User.objects.acreate_superuser("ada", "ada@example.com", PASSWORD)
    await async_client.aforce_login(ada)

    response = await async_client.get("/admin/accounts/user/")

    assert response.status_code == 200
    assert "ada@example.com" in response.content.decode()


@pytest.mark.django_db(transaction=True)
async def test_the_admin_asks_a_stranger_to_log_in(async_client: AsyncClient) -> None:
    response = await async_client.get("/admin/", follow=True)

    assert "Log in" in response.content.decode()
