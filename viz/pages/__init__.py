"""HTML pages: the player, and the page of a compiled program."""
