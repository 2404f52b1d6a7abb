"""Web pages: the pipeline's status."""

from pipeline.web.status import status_app

__all__ = ["status_app"]
