"""The HTTP that instances and people speak: a file in, a file out, an answer by a button, and whether all is well."""

from services.gateway.web.server import HttpDoor, application

__all__ = ["HttpDoor", "application"]
