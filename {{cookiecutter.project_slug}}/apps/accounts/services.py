"""What others may ask about the users."""

from apps.accounts.models import User


async def count_active_users() -> int:
    """Count the users who may log in."""
    return await User.objects.filter(is_active=True).acount()
