"""The rendered project's routes, and the same dashboard built in other ways."""

import bench_views
from config.urls import urlpatterns
from core.health import livez
from django.apps import apps
from django.urls import include, path

urlpatterns += [
    # Through the whole middleware stack, which the probe itself does not pass.
    path("hello", livez),
    path("bench/client-per-request/", bench_views.client_per_request),
    path("bench/shared-httpx/", bench_views.shared_httpx),
    path("bench/direct-aiohttp/", bench_views.direct_aiohttp),
    path("bench/requests/", bench_views.requests_in_threads),
    path("bench/publish/", bench_views.publish_event),
    path("bench/recent-sync/", bench_views.recent_orders_sync),
]

if apps.is_installed("django_eventstream"):
    urlpatterns += [
        path("bench/eventstream/<channel>/", include("django_eventstream.urls")),
        path("bench/eventstream-publish/", bench_views.publish_to_eventstream),
    ]

if apps.is_installed("apps.images"):
    import bench_tasks

    urlpatterns += [
        path("bench/enqueue/", bench_tasks.enqueue_one),
        path("bench/resize-inline/", bench_tasks.resize_inline),
    ]
