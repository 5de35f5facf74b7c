"""Are planted shortcuts found, and classifiers without one left in peace?"""
