"""Starts the worker."""

from services.offer_handler.handlers import HANDLERS
from services.offer_handler.poller import DEADLINES, INVITATIONS
from services.offer_handler.settings import Settings
from shared.service import Service, run
from shared.settings import read_settings

if __name__ == "__main__":
    run(Service(HANDLERS, read_settings(Settings), side_work=(DEADLINES, INVITATIONS)))
