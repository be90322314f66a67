"""Other addresses of the clients of single providers, kept for code that looks for them under `providers.banking`.

No provider: the registry passes this folder by, and there is nothing in it but names of what lives next door.
"""
