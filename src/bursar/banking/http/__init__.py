"""The banking interface over HTTP: routes for any FastAPI application. Needs FastAPI; `add_banking` imports it."""
