#!/bin/sh
# The programs the tests drive. Missing ones are installed when root, named otherwise; the tests
# that need one skip with its name when it is absent.
missing=""
command -v chromium >/dev/null 2>&1 || missing="$missing chromium"
[ -z "$missing" ] && exit 0
if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null 2>&1; then
    echo "installing$missing"
    apt-get update -qq >/dev/null && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq $missing >/dev/null
else
    echo "not installed:$missing (the tests that need it are skipped; as root: apt-get install$missing)"
fi
exit 0
