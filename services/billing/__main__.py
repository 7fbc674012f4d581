"""Starts the worker."""

from services.billing.clients import Press
from services.billing.courier import rendering_courier
from services.billing.handlers import HANDLERS
from services.billing.poller import MONTHS
from services.billing.settings import Settings
from shared.service import Service, run
from shared.settings import read_settings

if __name__ == "__main__":
    settings = read_settings(Settings)
    press = Press(settings.rendering_processes)
    try:
        run(Service(HANDLERS, settings, side_work=(MONTHS, rendering_courier(settings, press))))
    finally:
        press.close()
