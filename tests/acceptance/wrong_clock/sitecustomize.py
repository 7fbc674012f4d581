"""Python runs this first in a process that finds it: the clock of that process is wrong, as its machine's may be."""

import datetime as dt
import os
import time

RightDatetime = dt.datetime
OFF_SECONDS = float(os.environ["CLOCK_IS_OFF_BY_SECONDS"])


class AnyDatetime(type):
    """What was made elsewhere, by the database's driver say, is a datetime too."""

    def __instancecheck__(cls, instance: object) -> bool:
        return isinstance(instance, RightDatetime)


class WrongDatetime(RightDatetime, metaclass=AnyDatetime):
    """What every module gets that asks for datetime after this."""

    __slots__ = ()

    @classmethod
    def now(cls, tz: dt.tzinfo | None = None) -> "WrongDatetime":
        """As the machine would say it whose clock is off."""
        return cls.fromtimestamp(time.time(), tz)


_right_time, _right_time_ns = time.time, time.time_ns
time.time = lambda: _right_time() + OFF_SECONDS
time.time_ns = lambda: _right_time_ns() + int(OFF_SECONDS * 1e9)
vars(dt)["datetime"] = WrongDatetime
