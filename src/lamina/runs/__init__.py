"""Run folders: what training leaves, complete and verifiable."""
