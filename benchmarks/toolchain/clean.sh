#!/bin/sh
# Removes what running has left behind: .data and scratch folders. With --all also what was installed: .tools,
# node_modules. Reports stay: they are the project's results.
set -eu
CDPATH='' cd -- "$(dirname -- "$0")/../.."

rm -rf .data
if [ "${1-}" = --all ]; then rm -rf .tools node_modules; fi
