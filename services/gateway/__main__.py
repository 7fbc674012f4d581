"""Starts the worker."""

from services.gateway.courier import removal_courier
from services.gateway.handlers import HANDLERS
from services.gateway.poller import FORGETTING
from services.gateway.settings import Settings
from services.gateway.web import HttpDoor
from shared.objects import ObjectStore
from shared.service import Service, run
from shared.settings import read_settings

if __name__ == "__main__":
    settings = read_settings(Settings)
    objects, invoices = ObjectStore(settings.files_store_url), ObjectStore(settings.invoices_store_url)
    side_work = (removal_courier(settings, objects), FORGETTING)
    run(Service(HANDLERS, settings, side_work, (HttpDoor(settings, objects, invoices),)))
