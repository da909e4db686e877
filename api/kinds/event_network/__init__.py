"""Routes of the event network."""

from fastapi import APIRouter

from api.kinds.event_network.routes import events, live, nodes

router = APIRouter()
router.include_router(nodes.router)
router.include_router(events.router)
router.include_router(live.router)
