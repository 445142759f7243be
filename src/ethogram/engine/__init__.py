"""Requests and what came of them: services, limits, prices, transports. Knows no store."""
