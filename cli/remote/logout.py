"""`lautern logout`."""

from cli.remote import credential_store, output
from cli.remote.api_client import open_remote_api
from cli.remote.responses import ApiAway, NotSignedIn
from runtime import program_support


def logout() -> None:
    """End the session and forget who was signed in.

    Example:  lautern logout
    """
    try:
        with open_remote_api() as api:
            api.post("/logout")
    except NotSignedIn:
        output.print_sentence("nobody was signed in")
        return
    except ApiAway as problem:
        output.print_sentence(f"the session ends by itself; {problem}")
    finally:
        credential_store.forget_login()
    output.print_sentence("signed out")


if __name__ == "__main__":
    program_support.run_program("logout", logout)
