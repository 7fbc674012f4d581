"""What the benchmarks must reach, in one place: the speed that is promised, on two cores shared with the servers."""

# Replicated entries per second through one ticket_sync worker, beside others in the same run.
LEAST_OF_A_BARE_BRIDGE = 0.8
LEAST_OF_A_FRAMEWORK = 4.0
# With ten million entries of a million outsourcings stored, or fewer.
LEAST_OF_AN_EMPTY_DATABASE = 0.9
# From command published to delivery in the partner's queue, at half of the highest rate.
MOST_P50_MILLISECONDS = 10.0
MOST_P99_MILLISECONDS = 50.0
# The same when hardly anything is to be done.
MOST_P99_QUIET_MILLISECONDS = 15.0
# How late deadlines are told, with a million offers pending.
MOST_P99_SECONDS_LATE = 1.0
MOST_WORKER_MEMORY_MIB = 150.0
# Twenty lines each, with PDF and XML; and what others feel is bounded by the latency promised above.
LEAST_INVOICES_A_SECOND = 10.0
# As many as the busiest minute of a thousand companies needs, and every day's backlog within minutes.
LEAST_MAILS_A_SECOND = 100.0
# From the command to the mail server, when nothing else is to be done.
MOST_SECONDS_TO_AN_OFFER = 1.0
# What a hundred thousand more that are due may cost the worker.
MOST_MEMORY_FOR_PENDING_MIB = 20.0
