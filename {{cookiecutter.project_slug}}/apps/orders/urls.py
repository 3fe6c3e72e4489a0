from django.urls import path

from apps.orders import views

app_name = "orders"

urlpatterns = [
    path("api/orders/", views.create_order, name="create"),
    path("api/orders/stats/", views.OrderStatsView.as_view(), name="stats"),
    path("api/orders/recent/", views.recent_orders, name="recent"),
]
