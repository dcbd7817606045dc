"""Hand it over: the command ``isoloss``. It reads, asks and prints; it computes nothing itself.

Nothing is imported here, so that ``isoloss --help`` answers at once.
"""
