"""Starts the worker."""

from services.ticket_sync.handlers import HANDLERS
from services.ticket_sync.poller import LAPSES, REMINDERS, digests_every
from services.ticket_sync.settings import Settings
from shared.service import Service, run
from shared.settings import read_settings

if __name__ == "__main__":
    settings = read_settings(Settings)
    run(Service(HANDLERS, settings, side_work=(REMINDERS, LAPSES, digests_every(settings.digest_hours))))
