# Shared by the scripts beside this file: where the repository is, and what every build needs first.
# Source it; do not run it.

set -euo pipefail
ROOT=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
cd "$ROOT"

say() { printf '\033[1m%s\033[0m\n' "==> $*" >&2; }
die() { printf 'error: %s\n' "$*" >&2; exit 1; }

# The only two things a user must already have.
require_prerequisites() {
  command -v cargo >/dev/null 2>&1 || die "Rust is missing: install it with rustup, then run this again"
  command -v node >/dev/null 2>&1 || die "Node 20 is missing: install it, then run this again"
  local major
  major=$(node -p 'process.versions.node.split(".")[0]')
  [ "$major" -ge 20 ] || die "Node 20 or newer is needed, found $(node --version)"
  # The C parts of the cryptography crates need a compiler; a fresh Debian or Ubuntu has none.
  if ! command -v cc >/dev/null 2>&1; then
    if command -v apt-get >/dev/null 2>&1; then
      say "Installing a C compiler"
      local sudo=""
      [ "$(id -u)" -eq 0 ] || sudo="sudo"
      $sudo apt-get update -qq && $sudo apt-get install -y -qq build-essential
    else
      die "a C compiler (cc) is missing"
    fi
  fi
}

# Directory of the binaries of a profile, whatever target directory Cargo is configured with.
binary_dir() {
  local profile=$1 target
  target=$(cargo metadata --format-version 1 --no-deps |
    node -e 'process.stdout.write(JSON.parse(require("fs").readFileSync(0)).target_directory)')
  case $profile in
  dev) printf '%s/debug' "$target" ;;
  *) printf '%s/%s' "$target" "$profile" ;;
  esac
}
