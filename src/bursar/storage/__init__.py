"""PostgreSQL: the only room that speaks SQL, one module per noun.

Imports `domain`. Imported by the services and the composition root; the doors never see it.
"""
