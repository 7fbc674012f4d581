"""Starts the worker."""

from services.billing.handlers import HANDLERS
from services.billing.settings import Settings
from shared.service import Service, run

if __name__ == "__main__":
    run(Service(HANDLERS, Settings()))
