"""Routes of streetlights."""

from fastapi import APIRouter

from api.kinds.streetlight import groups, lamps

router = APIRouter()
router.include_router(lamps.router)
router.include_router(groups.router)
