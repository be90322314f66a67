"""The OFX and QFX reader: bank, card, loan and investment statements, in any dialect that institutions write.

The reader core (`container`, `scanner`, `elements`, `rows`, `document`) needs the standard library only and streams
files of any size; `mapping` and `adapter` turn what it read into the records of the domain.
"""
