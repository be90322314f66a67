"""The history of the schema; `upgrade` in `bursar.storage.schema` runs it."""
