"""What each output of a graph answers, found by evidence: see `find_answers` and `choose`."""
