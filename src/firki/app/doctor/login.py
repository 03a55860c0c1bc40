"""Whether the broker takes an account's access token."""

from firki.app.doctor.finding import Finding, failure, ok, warning
from firki.errors import AuthExpired, FirkiError
from firki.kite.rest import KiteRest


async def check_login(name: str, rest: KiteRest) -> Finding:
    """Asks for the profile, the cheapest call there is; ``rest`` is closed after it."""
    check = f"login of {name}"
    async with rest:
        try:
            profile = await rest.profile()
        except AuthExpired as error:
            return failure(check, str(error), "log in to Kite and put today's token into the file")
        except FirkiError as error:
            return warning(check, str(error), "whether the token is taken is not known")
    return ok(check, f"the broker knows the token as {profile.user_id}'s")
