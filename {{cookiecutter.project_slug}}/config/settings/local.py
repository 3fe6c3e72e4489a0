"""Development: DEBUG on, upstreams simulated by `stubs`, every value has a default."""

from config.env import env, read_env_files, refuse_bad_configuration

# Before `base`, which reads the environment.
read_env_files()

from config.settings.base import *  # noqa: E402, F403
from config.settings.base import INSTALLED_APPS, STORAGES, TEMPLATES, UPSTREAMS  # noqa: E402

DEBUG = env.bool("DJANGO_DEBUG", True)
ALLOWED_HOSTS = env.list("DJANGO_ALLOWED_HOSTS", ["localhost", "127.0.0.1", "[::1]"])

# The switches on the dashboard page that break and slow the stub upstreams.
STUBS_URL = env.str("STUBS_URL")
INSTALLED_APPS += ["stubs"]
TEMPLATES[0]["OPTIONS"]["context_processors"] += ["stubs.switches.switches"]  # type: ignore[index]

# Printed instead of sent.
MAILERS = {"default": {"BACKEND": "django.core.mail.backends.console.EmailBackend"}}

# Straight from the apps' static folders, no collectstatic.
STORAGES["staticfiles"] = {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"}
SERVESTATIC_USE_FINDERS = True
SERVESTATIC_AUTOREFRESH = True

refuse_bad_configuration(UPSTREAMS)
