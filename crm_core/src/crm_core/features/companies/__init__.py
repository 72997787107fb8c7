"""Companies, with their parent companies."""
