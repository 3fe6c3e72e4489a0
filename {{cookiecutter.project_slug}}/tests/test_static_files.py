"""Static files come whole, in part, or not at all, as the browser asks."""

from pathlib import Path

import pytest
from django.http import StreamingHttpResponse
from django.test import AsyncClient

import core
from core import static_files

ADDRESS = "/static/core/site.css"
CONTENT = (Path(core.__file__).parent / "static" / "core" / "site.css").read_bytes()


async def test_a_file_is_sent_as_a_whole(async_client: AsyncClient) -> None:
    response = await async_client.get(ADDRESS)

    assert response.status_code == 200
    assert response.content == CONTENT
    assert response["Content-Type"].startswith("text/css")
    assert int(response["Content-Length"]) == len(CONTENT)


async def test_a_large_one_is_streamed(
    async_client: AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(static_files, "READ_AT_ONCE", len(CONTENT) - 1)

    response = await async_client.get(ADDRESS)

    assert isinstance(response, StreamingHttpResponse)
    assert b"".join([chunk async for chunk in response]) == CONTENT


async def test_a_part_is_sent_if_a_part_is_wanted(async_client: AsyncClient) -> None:
    response = await async_client.get(ADDRESS, headers={"Range": "bytes=10-19"})

    assert response.status_code == 206
    assert response.content == CONTENT[10:20]


async def test_what_the_browser_has_is_not_sent_again(async_client: AsyncClient) -> None:
    etag = (await async_client.get(ADDRESS))["ETag"]

    response = await async_client.get(ADDRESS, headers={"If-None-Match": etag})

    assert response.status_code == 304
    assert response.content == b""
    assert "Content-Type" not in response


async def test_head_tells_of_the_file_and_post_is_refused(async_client: AsyncClient) -> None:
    head, post = await async_client.head(ADDRESS), await async_client.post(ADDRESS)

    assert int(head["Content-Length"]) == len(CONTENT)
    assert head.content == b""
    assert post.status_code == 405
