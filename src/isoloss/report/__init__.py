"""Hand it over: one self-contained file with the answer, its figures and how it was made."""
