#!/usr/bin/env bash
# Makes sure that this machine has what pip cannot bring: scripts/system.sh THING...
# Debian and Ubuntu: installed with apt-get, by sudo where we are not root. Elsewhere it says how.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

export PATH="$PATH:/usr/local/sbin:/usr/sbin:/opt/homebrew/sbin"
missing_packages=() services=() failed=0

apt_get() {
    local as_root=()
    if [[ $(id -u) -ne 0 ]]; then
        command -v sudo >/dev/null || return 1
        as_root=(sudo)
        [[ -t 0 ]] || as_root=(sudo --non-interactive)
    fi
    # Another installation may be going on (a new machine updates itself): wait for it.
    "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive \
        apt-get -o DPkg::Lock::Timeout=600 -o Acquire::Retries=3 -o Dpkg::Use-Pty=0 \
        -qq "$@" </dev/null >/dev/null
}

stop_service() { # the hub and the tests start their own: the package's service would hold the port
    local as_root=()
    [[ $(id -u) -eq 0 ]] || as_root=(sudo)
    if [[ -d /run/systemd/system ]]; then
        "${as_root[@]}" systemctl disable --quiet --now "$1" >&2 || true
    elif [[ -x /etc/init.d/$1 ]]; then
        "${as_root[@]}" "/etc/init.d/$1" stop >/dev/null 2>&1 || true
    fi
}

hint() {
    local apt=$1 dnf=$2 brew=$3 apk=$4 how
    if command -v apt-get >/dev/null; then
        how="sudo apt-get install $apt"
    elif command -v dnf >/dev/null; then
        how="sudo dnf install $dnf"
    elif command -v brew >/dev/null; then
        how="brew install $brew"
    elif command -v apk >/dev/null; then
        how="sudo apk add $apk"
    else
        how="install $apt with your system's packages"
    fi
    echo "$thing is missing on this machine. Do: $how" >&2
}

for thing in "$@"; do
    case $thing in
        mosquitto)
            found() { command -v mosquitto; }
            names=(mosquitto mosquitto mosquitto mosquitto) service=mosquitto
            ;;
        mosquitto-clients)
            found() { command -v mosquitto_pub && command -v mosquitto_sub; }
            names=(mosquitto-clients mosquitto mosquitto mosquitto-clients) service=
            ;;
        postgresql)
            found() { command -v initdb || compgen -G '/usr/lib/postgresql/*/bin/initdb'; }
            names=(postgresql postgresql-server postgresql postgresql) service=postgresql
            ;;
        c-compiler)
            found() { command -v cc; }
            names=("gcc libc6-dev" gcc gcc "gcc musl-dev") service=
            ;;
        pkg-config)
            found() { command -v pkg-config; }
            names=(pkg-config pkgconf pkg-config pkgconf) service=
            ;;
        faketime) # a library: the tests start a hub with a clock that they set
            found() {
                compgen -G '/usr/lib*/*/faketime/libfaketimeMT.so.1' ||
                    compgen -G '/usr/lib*/faketime/libfaketimeMT.so.1'
            }
            names=(faketime libfaketime libfaketime libfaketime) service=
            ;;
        docker)
            found() { command -v dockerd && command -v docker; }
            names=(docker.io moby-engine docker docker) service=docker
            ;;
        docker-compose)
            found() { docker compose version || command -v docker-compose; }
            names=(docker-compose docker-compose docker-compose docker-cli-compose) service=
            ;;
        debootstrap)
            found() { command -v debootstrap; }
            names=(debootstrap debootstrap debootstrap debootstrap) service=
            ;;
        node) # a test compiles the dashboards against Grafana's types
            found() { command -v node && command -v npm; }
            names=("nodejs npm" "nodejs npm" node "nodejs npm") service=
            ;;
        shellcheck)
            found() { command -v shellcheck; }
            names=(shellcheck ShellCheck shellcheck shellcheck) service=
            ;;
        python-venv) # Debian splits it from Python
            python=$(scripts/python.sh)
            found() { "$python" -c 'import ensurepip, venv'; }
            version=$("$python" -c 'import sys; print("%d.%d" % sys.version_info[:2])')
            names=("python$version-venv" python3 python3 python3) service=
            ;;
        *)
            echo "scripts/system.sh does not know '$thing'" >&2
            exit 2
            ;;
    esac
    found >/dev/null 2>&1 && continue
    if ! command -v apt-get >/dev/null; then
        hint "${names[@]}"
        failed=1
        continue
    fi
    read -ra packages <<<"${names[0]}"
    missing_packages+=("${packages[@]}")
    [[ -z $service ]] || services+=("$service")
done

if [[ ${#missing_packages[@]} -gt 0 ]]; then
    echo "Installing with apt-get: ${missing_packages[*]}" >&2
    if ! { apt_get update && apt_get install -y --no-install-recommends "${missing_packages[@]}"; }; then
        echo "That did not work. Do it by hand: sudo apt-get install ${missing_packages[*]}" >&2
        exit 1
    fi
    for service in "${services[@]}"; do stop_service "$service"; done
fi
exit "$failed"
