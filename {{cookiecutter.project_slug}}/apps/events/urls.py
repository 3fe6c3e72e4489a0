from django.urls import path

from apps.events import views

app_name = "events"

urlpatterns = [path("events/<str:topics>/", views.events, name="events")]
