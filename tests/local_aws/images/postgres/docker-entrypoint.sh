#!/bin/sh
# Copyright (c) 2026, the SM2A contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
#
# Makes the database on the first start, then becomes the server.
set -eu
[ "${1#-}" = "$1" ] || set -- postgres "$@"
if [ "$1" = postgres ] && [ "$(id -u)" = 0 ]; then
    mkdir -p "$PGDATA" /run/postgresql
    chown -R postgres "$PGDATA" /run/postgresql
    exec gosu postgres "$0" "$@"
fi
if [ "$1" = postgres ] && [ ! -s "$PGDATA/PG_VERSION" ]; then
    user="${POSTGRES_USER:-postgres}"
    passwords=$(mktemp)
    printf '%s\n' "$POSTGRES_PASSWORD" > "$passwords"
    initdb --username="$user" --pwfile="$passwords" --auth-host=scram-sha-256 --encoding=UTF8 > /dev/null
    rm "$passwords"
    echo "host all all all scram-sha-256" >> "$PGDATA/pg_hba.conf"
    echo "listen_addresses = '*'" >> "$PGDATA/postgresql.conf"
    if [ "${POSTGRES_DB:-$user}" != postgres ]; then
        # The server listens on its socket only until the database exists, as the official image does.
        pg_ctl -D "$PGDATA" -o "-c listen_addresses=''" -w start > /dev/null
        createdb --username="$user" --maintenance-db=postgres "${POSTGRES_DB:-$user}"
        pg_ctl -D "$PGDATA" -m fast -w stop > /dev/null
    fi
fi
exec "$@"
