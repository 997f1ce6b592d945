"""Structured log lines by allow-list: what is not named here is not written."""

import logging
import sys
from collections.abc import MutableMapping
from typing import Any

import structlog

# Ids, counts, states and times only (design §4.9): a name, a question or a URL's query has no key here.
ALLOWED = frozenset(
    "event level timestamp logger method route status duration_ms request_id actor_kind person_id organization_id "
    "referral_id review_id report_id study_id instance_id blob_id notification_id job job_id attempt outcome error "
    "size_bytes count port host url version worker pid backend setting reason_code where".split()
)


def allow_listed(_logger: object, _name: str, line: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """Drop every key that is not on the list; an exception leaves its type, never its text."""
    failure = line.pop("exc_info", None)
    if failure is True:
        failure = sys.exc_info()[1]
    if isinstance(failure, tuple):
        failure = failure[1]
    if isinstance(failure, BaseException):
        line["error"] = type(failure).__name__
    return {key: value for key, value in line.items() if key in ALLOWED}


def set_up(level: str = "INFO") -> None:
    """Log lines go to stderr, one JSON object each."""
    structlog.configure(
        processors=[
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            allow_listed,
            structlog.processors.JSONRenderer(),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(logging.getLevelNamesMapping()[level]),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
        cache_logger_on_first_use=False,
    )
    # Libraries' own texts may quote what they handled; only warnings of theirs, and only their logger's name.
    logging.basicConfig(
        level=logging.WARNING, stream=sys.stderr, format='{"logger": "%(name)s", "level": "%(levelname)s"}'
    )


def get() -> Any:
    return structlog.get_logger()
