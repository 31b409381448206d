"""Where the connection of a database is kept: an environment variable or the keyring, never a file of the project."""

from __future__ import annotations

import os

from ennakointi.errors import ParameterError


def resolve(reference: str) -> str:
    """The connection that `env:NAME` or `keyring:SERVICE/USER` stands for; it goes to the driver and nowhere else.

    Raises
    ------
    ParameterError
        Nothing is kept there, or the keyring cannot be opened; the message names the place alone.
    """
    kind, _, place = reference.partition(":")
    if kind == "env":
        found = os.environ.get(place)
        hint = f"set the environment variable {place} to the connection of the database"
    else:
        service, _, user = place.rpartition("/")
        found = _of_keyring(reference, service, user)
        hint = f"keep the connection there with `keyring set {service} {user}`"
    if not found:
        raise ParameterError(f"{reference}: holds nothing; {hint}")
    return found


def _of_keyring(reference: str, service: str, user: str) -> str | None:
    import keyring  # looks for the desktop's keyrings as soon as it is imported
    from keyring.errors import KeyringError

    try:
        return keyring.get_password(service, user)
    except KeyringError:
        raise ParameterError(f"{reference}: the keyring cannot be opened; unlock it or use env:NAME") from None
