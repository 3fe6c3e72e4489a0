from django.urls import path

from apps.orders import views

app_name = "orders"

urlpatterns = [
    path("", views.create_order, name="create"),
    path("stats/", views.OrderStatsView.as_view(), name="stats"),
    path("recent/", views.recent_orders, name="recent"),
]
