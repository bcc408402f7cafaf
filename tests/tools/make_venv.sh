#!/bin/sh
# Makes the virtual environment named by the only argument out of requirements-dev.txt.
set -eu
venv=$1

find_python() {
    for name in ${IACT_PYTHON:-} python3 python3.11 python3.12 python3.13 python3.14; do
        # Run it, because a pyenv shim may be on PATH and start nothing.
        if "$name" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then
            echo "$name"
            return
        fi
    done
    echo "Python 3.11 or newer is needed and was not found on PATH (name one with IACT_PYTHON=/path/to/python3)." >&2
    exit 2
}

python=$(find_python)
if ! "$python" -c 'import ensurepip, venv' 2>/dev/null; then
    if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
        apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends python3-venv
    else
        echo "$python lacks its venv module (on Debian: the package python3-venv)." >&2
        exit 2
    fi
fi
echo "Making $venv with $("$python" --version) ..."
"$python" -m venv "$venv"
"$venv/bin/python" -m pip install --quiet --disable-pip-version-check -r requirements-dev.txt
