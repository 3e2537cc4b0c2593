"""Pre-trained weights: where they come from, what they ask of a table, and which of them learn on."""
