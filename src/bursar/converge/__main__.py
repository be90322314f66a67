"""The entry of a seed process; people use `bursar converge`."""

import sys

arguments = sys.argv[1:]
if arguments[0] == "--mutant":
    from bursar.converge.mutants import MUTANTS, install

    install(MUTANTS[int(arguments[1])])
    arguments = arguments[2:]

from bursar.converge.runner import serve_seeds  # noqa: E402 - a mutant is there before what it replaces

serve_seeds(arguments)
