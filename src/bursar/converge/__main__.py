"""The entry of a seed process; people use `bursar converge`."""

import sys

from bursar.converge.runner import serve_seeds

serve_seeds(sys.argv[1:])
