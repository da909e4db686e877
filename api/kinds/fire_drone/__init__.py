"""The fire brigade's routes: where drones are, and the flight book with its tracks. For its own keys only."""

from fastapi import APIRouter

from api.kinds.fire_drone.routes import drones, flights, tracks
from api.problems import problem_responses

router = APIRouter(tags=["fire brigade"], responses=problem_responses(404))
router.include_router(drones.router)
router.include_router(flights.router)
router.include_router(tracks.router)
