"""Evidence that another party can file and run again: comparing files, auditing data sets."""
