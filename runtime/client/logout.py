"""`lautern logout`."""

from runtime import saying
from runtime.client import kept, showing
from runtime.client.answers import ApiAway, NotSignedIn
from runtime.client.door import remote


def logout() -> None:
    """End the session and forget who was signed in.

    Example:  lautern logout
    """
    try:
        with remote() as api:
            api.post("/logout")
    except NotSignedIn:
        showing.tell("nobody was signed in")
        return
    except ApiAway as problem:
        showing.tell(f"the session ends by itself; {problem}")
    finally:
        kept.forget()
    showing.tell("signed out")


if __name__ == "__main__":
    saying.run("logout", logout)
