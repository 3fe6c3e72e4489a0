from django.contrib.auth.models import AbstractUser


class User(AbstractUser):
    """A user of this service.

    Django's own fields, in a model of the project's: fields can be added later by an ordinary
    migration, which is not possible with `auth.User`.
    """
