"""Adapters of an invented provider in three reading styles, as careful as those of real ones.

They bring the convergence test what the real providers of this distribution do not show. Imports `domain`, `ports` and
`transport`, as a provider does; the rest of `converge` imports it.
"""

from bursar.converge.neutral.specs import NEUTRAL_SPECS

__all__ = ["NEUTRAL_SPECS"]
