"""Starts the worker."""

from services.ticket_sync.handlers import HANDLERS
from services.ticket_sync.poller import REMINDERS
from services.ticket_sync.settings import Settings
from shared.service import Service, run
from shared.settings import read_settings

if __name__ == "__main__":
    run(Service(HANDLERS, read_settings(Settings), side_work=(REMINDERS,)))
