"""Logs: one JSON object a line on standard error, with the service's name and never a payload."""

import logging
import sys
import traceback
from collections.abc import Iterator

import structlog
from structlog.processors import ExceptionRenderer
from structlog.typing import ExcInfo, Processor


def set_up(service: str, level: str) -> None:
    """Everything that is logged from now on, ours and the libraries', is of this service and at least this severe."""
    threshold = getattr(logging, level.upper())
    shared: list[Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        ExceptionRenderer(without_words),
    ]
    structlog.configure(
        processors=[*shared, structlog.processors.JSONRenderer()],
        wrapper_class=structlog.make_filtering_bound_logger(threshold),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
        cache_logger_on_first_use=True,
    )
    structlog.contextvars.bind_contextvars(service=service)
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared,
            processors=[
                structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                structlog.processors.JSONRenderer(),
            ],
        )
    )
    logging.basicConfig(handlers=[handler], level=max(threshold, logging.WARNING), force=True)


def without_words(exc_info: ExcInfo) -> str:
    """Where it happened and what kind of error it is.

    Its words may quote what was being worked on: a row that the database refused, a field that is not valid. Those for
    which a message is parked stand in `tandem parked list`.
    """
    return "".join(_told(exc_info[1]))


def _told(error: BaseException) -> Iterator[str]:
    """What led to it first."""
    earlier = error.__cause__ or (None if error.__suppress_context__ else error.__context__)
    if earlier is not None:
        yield from _told(earlier)
        yield "\nand then\n"
    yield from traceback.format_tb(error.__traceback__)
    yield f"{type(error).__module__}.{type(error).__qualname__}"
