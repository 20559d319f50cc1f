"""What each part of the firm is worth: the same market once whole, and once without each part."""
