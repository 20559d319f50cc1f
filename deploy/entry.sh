#!/bin/sh
# numba wants a cache that it can write to, and what was compiled into the image cannot be written: so a folder of links
# to it, in which a kernel compiled later takes the place of its link.
set -eu
if [ ! -d "$NUMBA_CACHE_DIR" ]; then
    cp -rs /opt/kernels "$NUMBA_CACHE_DIR.$$"
    mv "$NUMBA_CACHE_DIR.$$" "$NUMBA_CACHE_DIR"
fi
# This shell stays the first process, which no signal from within a container ends, so that a health check can kill what
# hangs: it hands signals on, and ends as its child does.
"$@" &
child=$!
trap 'kill -TERM "$child" || :' TERM INT
code=0
wait "$child" || code=$?
while kill -0 "$child" 2>/dev/null; do # a signal has ended the wait, not the child
    code=0
    wait "$child" || code=$?
done
exit "$code"
