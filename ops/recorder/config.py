"""The [recorder] table."""

from typing import Final

from pydantic import Field
from sqlalchemy import URL

from bus.config import Config, Settings

LEDGER_FILE: Final = "ledger.sqlite"


class RecorderConfig(Config):
    """Where the ledger is and how often it is written.

    ``url`` is an SQLAlchemy URL of SQLite or PostgreSQL; without one the ledger is a SQLite file in the run
    directory. Rows wait until there are ``flush_rows`` of them or until ``flush_s`` seconds have passed.
    """

    url: str | None = None
    flush_rows: int = Field(2_000, ge=1)
    flush_s: float = Field(0.5, gt=0)


def ledger_url(settings: Settings) -> str:
    """Return the URL of the ledger of this firm."""
    config = settings.table("recorder", RecorderConfig)
    path = settings.run_dir / LEDGER_FILE
    return config.url or URL.create("sqlite", database=str(path)).render_as_string(hide_password=False)
