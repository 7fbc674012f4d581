"""Starts the worker."""

from services.billing.handlers import HANDLERS
from services.billing.settings import Settings
from shared.service import Service, run
from shared.settings import read_settings

if __name__ == "__main__":
    run(Service(HANDLERS, read_settings(Settings)))
