"""Starts the worker."""

from services.offer_handler.handlers import HANDLERS
from services.offer_handler.poller import DEADLINES
from services.offer_handler.settings import Settings
from shared.service import Service, run

if __name__ == "__main__":
    run(Service(HANDLERS, Settings(), side_work=(DEADLINES,)))
