"""The interactive door: an ASGI app behind API Gateway and the Lambda Web Adapter.

The app and its start are in ``app.py`` and ``run.sh``; each route has a file of its own.
"""
