"""Steps of the shared tables; a kind's own stand in `storage/kinds/<kind>/migrations/`."""
