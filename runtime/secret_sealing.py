"""The box that secrets in the registry are sealed in, as the settings say."""

from typing import Final

from devices.errors import ConfigurationError
from runtime.settings import Settings
from storage.key_files import make_key, read_key
from storage.secret_box import AesSecretBox

_WHAT: Final = "the key that secrets are sealed with"


def secret_box_of(settings: Settings) -> AesSecretBox:
    """The box; its key is made at the first use. Raises ConfigurationError."""
    path = settings.secrets_key_file
    if not path.exists():
        try:
            make_key(path)
        except OSError as error:
            raise ConfigurationError(f"{_WHAT}: {path}: {error.strerror}") from error
    return AesSecretBox(read_key(path, _WHAT))
