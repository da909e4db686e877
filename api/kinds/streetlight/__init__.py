"""Routes of streetlights."""

from fastapi import APIRouter

from api.kinds.streetlight.routes import groups, lamps, night

router = APIRouter()
router.include_router(lamps.router)
router.include_router(groups.router)
router.include_router(night.router)
