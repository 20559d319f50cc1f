#!/bin/sh
# numba wants a cache that it can write to, and what was compiled into the image cannot be written: so a folder of links
# to it, in which a kernel compiled later takes the place of its link.
set -eu
if [ ! -d "$NUMBA_CACHE_DIR" ]; then
    cp -rs /opt/kernels "$NUMBA_CACHE_DIR.$$"
    mv "$NUMBA_CACHE_DIR.$$" "$NUMBA_CACHE_DIR"
fi
exec "$@"
