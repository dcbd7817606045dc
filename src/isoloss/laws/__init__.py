"""What could be true: scaling laws, their formulas and what was published of them.

A law is a formula with named parameters (:class:`Law`). ``get_law("chinchilla")`` finds a built-in
one, ``get_law("E + A*N**-alpha")`` reads one's own. Nothing heavy is imported here: the derivatives
of the built-in laws are kept as text, and SymPy is used for a user's formula alone.
"""

from __future__ import annotations

from isoloss.laws.catalogue import LAWS, get_law, get_published, list_laws
from isoloss.laws.evaluation import Evaluation, distance_outside, evaluate
from isoloss.laws.law import VARIABLES, Law, Parameter, Published, law_from_formula

__all__ = [
    "LAWS",
    "VARIABLES",
    "Evaluation",
    "Law",
    "Parameter",
    "Published",
    "distance_outside",
    "evaluate",
    "get_law",
    "get_published",
    "law_from_formula",
    "list_laws",
]
