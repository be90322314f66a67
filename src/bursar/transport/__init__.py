"""The SDK core: one pooled HTTP client, its retries, its errors, its JSON.

The only room that opens HTTP clients. It imports nothing else of this project; every provider's `sdk/` stands on it.
Nothing here connects, reads the environment or imports the HTTP library before the first request.
"""
