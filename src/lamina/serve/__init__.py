"""Models behind HTTP: an ASGI application of our own, and the server that runs it. No torch, polars or pydantic here.

    lamina serve runs/adult                                        a page to try it on, four protocols, metrics
    App([Loaded(...)])                                             the same, to be mounted in an application of yours

A request goes through one room after the other: ``server`` (connections, slow clients), ``app`` (routes, errors),
``safety`` (who may ask), ``request`` (the body, within limits), ``protocols`` (its shape, to rows and back), ``cells``
(rows that the model may see), ``batcher`` (rows of several requests together), and the model.
"""

from __future__ import annotations

from lamina.serve.app import App
from lamina.serve.models import Loaded, Models, Source
from lamina.serve.servable import Servable
from lamina.serve.server import serve
from lamina.serve.settings import ServeSettings

__all__ = ["App", "Loaded", "Models", "Servable", "ServeSettings", "Source", "serve"]
