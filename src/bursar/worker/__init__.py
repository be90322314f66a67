"""The job door: takes jobs from the database, has the services carry them out, and decides when to try again.

Imports bootstrap and services, and names the job engine; never storage. Imported by the terminal.
"""
