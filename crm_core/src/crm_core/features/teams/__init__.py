"""Teams: a tree that rights and reports follow."""
