"""Tells how a firm is: health, score, trouble, reports, metrics; and watches one whose processes others keep."""
