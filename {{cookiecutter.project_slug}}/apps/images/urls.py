from django.urls import path

from apps.images import views

app_name = "images"

urlpatterns = [
    path("images/", views.page, name="page"),
    path("images/<uuid:image_id>/", views.image_page, name="image-page"),
    path("images/<uuid:image_id>/delete/", views.delete, name="delete"),
    path("api/images/", views.upload, name="upload"),
    path("api/images/<uuid:image_id>/", views.image, name="image"),
    # Where MEDIA_URL points, unless the storage or a web server serves the files.
    path("media/images/<uuid:image_id>/<str:name>", views.picture, name="picture"),
]
