"""Starts the worker."""

from services.notifier.courier import mail_courier
from services.notifier.handlers import HANDLERS
from services.notifier.poller import GATHERED, forgetting_after
from services.notifier.settings import Settings
from shared.service import Service, run
from shared.settings import read_settings

if __name__ == "__main__":
    settings = read_settings(Settings)
    run(
        Service(
            HANDLERS,
            settings,
            side_work=(mail_courier(settings), GATHERED, forgetting_after(settings.notifications_kept_days)),
        )
    )
