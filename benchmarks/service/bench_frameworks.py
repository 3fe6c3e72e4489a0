"""The dashboard's fan-out in other frameworks: the same service function, the same client."""

import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import django

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "bench_settings")
django.setup()

from apps.dashboard.services import load_dashboard  # noqa: E402
from core.upstreams import connections  # noqa: E402
from fastapi import FastAPI  # noqa: E402
from litestar import Litestar, get  # noqa: E402
from starlette.applications import Starlette  # noqa: E402
from starlette.requests import Request  # noqa: E402
from starlette.responses import JSONResponse  # noqa: E402
from starlette.routing import Route  # noqa: E402


async def dashboard() -> dict[str, Any]:
    result = await load_dashboard()
    return {
        "data": result.data,
        "errors": {name: failure.as_json() for name, failure in result.failures.items()},
        "stale": {},
        "elapsed_ms": round(result.elapsed * 1000, 1),
    }


@asynccontextmanager
async def lifespan(app: Any) -> AsyncIterator[None]:
    yield
    await connections.close()


fastapi = FastAPI(lifespan=lifespan)
fastapi.get("/api/dashboard/")(dashboard)


async def starlette_dashboard(request: Request) -> JSONResponse:
    return JSONResponse(await dashboard())


async def starlette_live(request: Request) -> JSONResponse:
    return JSONResponse({"status": "live"})


fastapi.add_route("/livez", starlette_live)
fastapi.add_route("/hello", starlette_live)
starlette = Starlette(
    routes=[
        Route("/api/dashboard/", starlette_dashboard),
        Route("/livez", starlette_live),
        Route("/hello", starlette_live),
    ],
    lifespan=lifespan,
)


@get("/api/dashboard/")
async def litestar_dashboard() -> dict[str, Any]:
    return await dashboard()


@get(["/livez", "/hello"])
async def litestar_live() -> dict[str, str]:
    return {"status": "live"}


litestar = Litestar([litestar_dashboard, litestar_live], lifespan=[lifespan])
