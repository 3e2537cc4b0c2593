"""Talk with a network turn by turn: what it is spoken to in, and the conversation that is kept."""
