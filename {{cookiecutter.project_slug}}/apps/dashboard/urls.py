from django.urls import path

from apps.dashboard import views

app_name = "dashboard"

urlpatterns = [
    path("", views.page, name="page"),
    path("api/dashboard/", views.dashboard, name="dashboard"),
    path("api/aggregate-status/", views.aggregate_status, name="aggregate-status"),
]
