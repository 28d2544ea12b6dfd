"""`mcplens store`: what is done to a store as a whole, one module per command."""
