"""A program that ends at once with status 3 and a line that says why."""

import sys

if __name__ == "__main__":
    print('{"event": "ended"}', file=sys.stderr)
    print("brief: nothing to do", file=sys.stderr)
    print('{"event": "really"}', file=sys.stderr)
    sys.exit(3)
