"""Can an explanation be trusted: localisation, faithfulness, sanity and robustness."""
