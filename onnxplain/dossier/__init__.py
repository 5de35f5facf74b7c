"""A folder that holds everything an auditor needs, and shows each change."""
