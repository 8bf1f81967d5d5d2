#!/bin/sh
# Runs a script under the Node.js of package-lock.json, whatever Node.js the machine has:
#
#   benchmarks/toolchain/run-node.sh benchmarks/cli.ts run --profile quick
#
# Installs the packages first (`npm ci`) when those in node_modules are not the ones of package-lock.json. Ends by
# exec, so signals and the exit status are the script's own; 4 (could not run) when they can't be installed.
set -eu
CDPATH='' cd -- "$(dirname -- "$0")/../.."

stamp=node_modules/.installed-package-lock.json
lock=.tools/npm-ci.lock

could_not_run() {
  printf '%s\n' "$@" >&2
  exit 4
}

packages_are_installed() {
  cmp -s package-lock.json "$stamp"
}

# After `npm ci` or `npm install <name>` by hand there is no stamp, but npm's own list of what it has installed.
packages_match() {
  [ -e node_modules/.package-lock.json ] && [ -x node_modules/.bin/node ] && node_modules/.bin/node -e '
    const [wanted, installed] = ["package-lock.json", "node_modules/.package-lock.json"].map(
      (file) => JSON.parse(fs.readFileSync(file, "utf8")).packages);
    delete wanted[""];
    const isMissing = ([path, { version, optional }]) => path in installed ? installed[path].version !== version : !optional;
    const isExtra = (path) => !(path in wanted);
    process.exit(Object.entries(wanted).some(isMissing) || Object.keys(installed).some(isExtra) ? 1 : 0)'
}

require_commands() {
  command -v git >/dev/null ||
    could_not_run 'git is not on the PATH: reports name the commit they measured. Install it:' '  sudo apt-get install -y git'
  if ! command -v node >/dev/null || ! command -v npm >/dev/null; then
    could_not_run 'Node.js 20 or later with npm is needed to install the packages. Install it:' "  $(install_node)"
  fi
  node -e 'process.exit(Number.parseInt(process.versions.node) < 20 ? 1 : 0)' ||
    could_not_run "Node.js 20 or later is needed to install the packages, found $(node --version). Install it:" "  $(install_node)"
}

install_node() {
  if command -v brew >/dev/null; then
    echo 'brew install node'
  elif command -v apt-get >/dev/null; then
    echo 'curl -fsSL https://deb.nodesource.com/setup_24.x | sudo -E bash - && sudo apt-get install -y nodejs'
  else
    echo 'open https://nodejs.org/en/download'
  fi
}

is_alive() {
  kill -0 "$1" 2>/dev/null || ps -p "$1" >/dev/null 2>&1
}

# The lock is a symbolic link whose target is the owner's process id: made in one step, owner included.
acquire_lock() {
  mkdir -p .tools
  announced=
  until ln -s "$$" "$lock" 2>/dev/null; do
    owner=$(readlink "$lock") || continue
    if ! is_alive "$owner"; then
      break_lock "$owner"
    elif [ "$owner" != "$announced" ]; then
      echo "npm ci: process $owner is at it, waiting (if it is no set-up: rm $lock)" >&2
      announced=$owner
    fi
    sleep 0.2
  done
  trap 'rm -f "$lock"' EXIT
  trap 'exit 130' INT
  trap 'exit 143' TERM HUP
}

# One at a time, and only if the dead owner's lock is still there: it may be a living one's by now.
break_lock() {
  mkdir "$lock.breaking" 2>/dev/null || return 0
  if [ "$(readlink "$lock")" = "$1" ]; then rm -f "$lock"; fi
  rmdir "$lock.breaking"
}

install_packages() {
  echo 'npm ci: installing the packages of package-lock.json, once; about half a minute' >&2
  started=$(date +%s)
  # Errors only: the packages run under Node.js 24, npm may run under an older one and warns of that for each.
  npm ci --include=dev --include=optional --loglevel=error >&2 ||
    could_not_run 'npm ci failed, its words are above. When that is put right, run the command again, or first:' '  npm ci'
  node_modules/.bin/node --version >/dev/null ||
    could_not_run 'npm did not install Node.js 24 (are install scripts off in your npmrc?). Run:' '  npm ci --ignore-scripts=false'
  echo "npm ci: done in $(($(date +%s) - started)) s, Node.js $(node_modules/.bin/node --version)" >&2
}

if ! packages_are_installed; then
  require_commands
  acquire_lock
  packages_are_installed || packages_match || install_packages
  cp package-lock.json "$stamp"
  rm -f "$lock"
  trap - EXIT INT TERM HUP
fi

PATH="$PWD/node_modules/.bin:$PATH"
export PATH
exec node "$@"
