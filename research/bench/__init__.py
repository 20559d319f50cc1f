"""Speed and size, each as a ratio to a raw floor measured in the same run; figures, not gates."""
