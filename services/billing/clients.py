"""The press: sets invoices into pages in processes of its own, so that nothing else in the worker waits for it."""

import asyncio
import faulthandler
import multiprocessing
import os
import signal
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from multiprocessing.connection import wait
from pathlib import Path
from threading import Thread
from time import sleep

from services.billing.documents import Rendered, render
from shared.contracts.billing import Invoice

# A thousand lines take seconds, half a minute where others want all the time; what takes longer than this hangs.
RENDER_SECONDS = 120.0
# What Typst remembers of the pages before grows up to here and no further; a fresh process begins anew.
INVOICES_A_PROCESS = 1000
# Workers, broker and database get nine tenths of the time for as long as they want it all.
NICENESS = 10
# Linux takes one such word every tenth of a second from all of its users.
TRIES_TO_BE_NICE = 20
AUTOGROUP = Path("/proc/self/autogroup")


class NotRendered(Exception):
    """The pages could not be made; the words are the software's, and name no part of the invoice."""


class Press:
    """A few processes that render, started with the first invoice and made anew when one of them dies.

    One that hangs says where and ends itself. Each is given one invoice at a time: what waits loses nothing by that;
    what others render just then fails with it, and is tried again.
    """

    def __init__(self, processes: int, *, most_seconds: float = RENDER_SECONDS) -> None:
        self._processes = processes
        self._most_seconds = most_seconds
        self._free = asyncio.Semaphore(processes)
        self._pool: ProcessPoolExecutor | None = None

    async def render(self, invoice: Invoice) -> Rendered:
        """Both files of an invoice. Raises NotRendered."""
        async with self._free:
            pool = self._pool or self._fresh_pool()
            try:
                return await asyncio.wrap_future(pool.submit(_render, invoice, self._most_seconds))
            except BrokenProcessPool as broken:
                self._forget(pool)
                raise NotRendered("the process that rendered died, or hung and ended itself") from broken

    def close(self) -> None:
        """End the processes; what is under way is made anew by the next worker."""
        if self._pool is not None:
            self._pool.shutdown(wait=False, cancel_futures=True)
            self._pool = None

    def _fresh_pool(self) -> ProcessPoolExecutor:
        """Spawned and not forked: a copy of a process with threads and connections is none that works."""
        self._pool = ProcessPoolExecutor(
            self._processes,
            mp_context=multiprocessing.get_context("spawn"),
            initializer=_be_a_good_child,
            max_tasks_per_child=INVOICES_A_PROCESS,
        )
        return self._pool

    def _forget(self, pool: ProcessPoolExecutor) -> None:
        if self._pool is pool:
            self._pool = None


def _render(invoice: Invoice, most_seconds: float) -> Rendered:
    """In the child, which ends where this takes longer: no one else could stop what hangs inside of a library.

    Whatever it raises, and Typst also panics, comes back as words.
    """
    faulthandler.dump_traceback_later(most_seconds, exit=True)
    try:
        return render(invoice)
    except BaseException as wrong:
        if isinstance(wrong, SystemExit | KeyboardInterrupt):
            raise
        raise NotRendered(type(wrong).__name__) from None
    finally:
        faulthandler.cancel_dump_traceback_later()


def _be_a_good_child() -> None:
    """Leave signals to the parent, which ends it in order, and never outlive that."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    _give_way()
    # Typst would start a thread for each core; a container may hold only so many.
    os.environ["RAYON_NUM_THREADS"] = "1"
    parent = multiprocessing.parent_process()
    if parent is not None:
        Thread(target=_end_with, args=(parent.sentinel,), daemon=True).start()


def _give_way() -> None:
    """Leave most of the time to whoever else wants it.

    Where Linux shares the time between sessions (autogroup), a nice process gives way to those of its own session only:
    it has one of its own then, and that is nice to the others.
    """
    os.nice(NICENESS)
    os.setsid()
    for _ in range(TRIES_TO_BE_NICE):
        try:
            AUTOGROUP.write_text(str(NICENESS))
        except BlockingIOError:
            sleep(0.1)
        except OSError:
            return
        else:
            return


def _end_with(sentinel: int) -> None:
    wait([sentinel])
    os._exit(1)
