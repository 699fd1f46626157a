#!/bin/sh
# Starts the router. The Lambda Web Adapter runs this as the function's handler; the local
# world runs the very same file. AWS_LWA_PORT is where the adapter sends requests.
set -eu
root="${LAMBDA_TASK_ROOT:-$(dirname "$0")/../..}"
cd "$root"
export PYTHONPATH="$root${PYTHONPATH:+:$PYTHONPATH}"
# The loop and parser are named: uvicorn would take others where the tests' tools install them.
# Unbuffered (-u): a metrics line must be out before the environment freezes.
exec python3 -u -m uvicorn functions.router.app:create --factory \
    --host 127.0.0.1 --port "${AWS_LWA_PORT:-8080}" --loop asyncio --http h11 \
    --ws none --no-access-log --log-level warning --no-server-header --no-date-header \
    --timeout-keep-alive 900 --timeout-graceful-shutdown 2
