from django.urls import path

from stubs import views

app_name = "stubs"

urlpatterns = [path("<slug:name>/", views.switch, name="switch")]
