"""The way in below a path of a proxy, such as `/lautern`: taken off what comes in, put before what goes out."""

from starlette.datastructures import MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send


def strip_root_path(path: str, root: str) -> str:
    """Path without the root; it may be missing already, where the proxy takes it off itself."""
    rest = path.removeprefix(root) if path == root or path.startswith(f"{root}/") else path
    return rest or "/"


class OutsideSubPath:
    """ASGI middleware outside all that looks at paths: they see none of it; redirects and cookies do."""

    def __init__(self, app: ASGIApp, root: str) -> None:
        self._app = app
        self._root = root

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one ASGI connection."""
        if scope["type"] != "http" or not self._root:
            await self._app(scope, receive, send)
            return

        async def leading_back(message: Message) -> None:
            if message["type"] == "http.response.start":
                self._prefix(MutableHeaders(scope=message))
            await send(message)

        await self._app({**scope, "path": strip_root_path(scope["path"], self._root)}, receive, leading_back)

    def _prefix(self, headers: MutableHeaders) -> None:
        location = headers.get("location", "")
        if location.startswith("/") and not location.startswith("//"):
            headers["location"] = self._root + location
        cookies = headers.getlist("set-cookie")
        if cookies:
            del headers["set-cookie"]
            for cookie in cookies:
                headers.append("set-cookie", cookie.replace("Path=/", f"Path={self._root}/", 1))


class InsideSubPath:
    """ASGI middleware next to the routes: addresses of our own that they make begin with the root."""

    def __init__(self, app: ASGIApp, root: str) -> None:
        self._app = app
        self._root = root

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one ASGI connection."""
        if scope["type"] == "http" and self._root:
            scope["root_path"] = self._root
            scope["path"] = self._root + scope["path"]
        await self._app(scope, receive, send)
