"""Does the OFX importer keep the promises that every importer makes?"""

from pathlib import Path

from bursar.importers.ofx.adapter import IMPORTER
from bursar.importers.ofx.sandbox import STATEMENTS
from bursar.testing import importer_contract

TestOfx = importer_contract(IMPORTER, STATEMENTS, golden=Path(__file__).with_name("ofx"))
