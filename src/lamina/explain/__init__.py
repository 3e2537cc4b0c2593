"""Looking inside networks, one method a file."""
