"""Settings: built once from the environment over these defaults, and passed in.

Variables carry the prefix MARGINALIA_. No module reads the environment by itself.
"""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path

from pydantic import Field, field_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

ROOT = Path(__file__).resolve().parent.parent


class Settings(BaseSettings):
    """Where things are kept and how the parts find each other."""

    model_config = SettingsConfigDict(env_prefix="MARGINALIA_", frozen=True, extra="ignore")

    data_dir: Path = ROOT / "data"
    checkpoints_dir: Path = ROOT / "checkpoints"
    database_url: str = ""  # empty: SQLite in data_dir
    jobs_database_url: str = ""  # empty: a second SQLite file in data_dir
    encoder: str = "bundled"  # or a Hugging Face name, or a local folder
    encoder_backend: str = "auto"  # measured; or torch, torch-bf16, openvino, openvino-bf16
    annotator: str = "me"  # who judges when nobody says otherwise
    start_worker: bool = True  # the app starts and restarts a worker of its own
    token_secret: str = ""  # empty: made once and kept in data_dir
    token_ttl_s: int = Field(default=12 * 3600, gt=0)
    lease_s: int = Field(default=600, gt=0)  # how long a served document waits for its judgement
    max_text_chars: int = Field(default=500_000, gt=0)
    shared: Path | None = None  # optional folder of public data sets for replay and benchmarks

    @field_validator("data_dir", "checkpoints_dir")
    @classmethod
    def _absolute(cls, path: Path) -> Path:
        return path.expanduser().resolve()

    @property
    def resolved_database_url(self) -> str:
        """The SQLAlchemy URL of the truth."""
        return self.database_url or f"sqlite:///{(self.data_dir / 'marginalia.sqlite').as_posix()}"

    @property
    def resolved_jobs_database_url(self) -> str:
        """The SQLAlchemy URL of the job engine's own bookkeeping."""
        return self.jobs_database_url or f"sqlite:///{(self.data_dir / 'jobs.sqlite').as_posix()}"

    @property
    def embeddings_dir(self) -> Path:
        """Cached embeddings, by project and encoder."""
        return self.data_dir / "embeddings"

    @property
    def backends_dir(self) -> Path:
        """What was measured of ways to run encoders here, and models exported for them."""
        return self.data_dir / "backends"


@lru_cache(maxsize=1)
def get_settings() -> Settings:
    """The process-wide settings, read from the environment at first use."""
    return Settings()
