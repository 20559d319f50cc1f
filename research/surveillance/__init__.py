"""How well the detectors of manipulation tell injected patterns from the market as it was."""
