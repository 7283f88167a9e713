#!/bin/sh
# Installs the Debian packages that the desktop tests need, where they are absent.
set -eu

missing=
for program in chromium; do
	command -v "$program" >/dev/null 2>&1 || missing="$missing $program"
done
[ -n "$missing" ] || exit 0

if ! command -v apt-get >/dev/null 2>&1; then
	echo "The desktop tests need:$missing. This is no Debian or Ubuntu: install them your way." >&2
	exit 1
fi
as_root=
if [ "$(id -u)" -ne 0 ]; then
	if ! command -v sudo >/dev/null 2>&1; then
		echo "The desktop tests need:$missing, and installing takes root." >&2
		echo "Fix: as root, apt-get update && apt-get install -y --no-install-recommends$missing" >&2
		exit 1
	fi
	as_root=sudo
fi
echo "Installing the Debian packages:$missing …" >&2
$as_root apt-get update -qq
# shellcheck disable=SC2086
$as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends $missing >/dev/null
