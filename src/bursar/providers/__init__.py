"""One folder per provider: its SDK, its mapping, its adapter, its simulated server and its facts.

Providers may import `domain`, `ports` and `transport`, never each other. The registry loads them by name.
"""
