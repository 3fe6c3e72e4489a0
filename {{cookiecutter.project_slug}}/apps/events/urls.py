from django.urls import path

from apps.events import views

app_name = "events"

urlpatterns = [path("<str:topics>/", views.events, name="events")]
