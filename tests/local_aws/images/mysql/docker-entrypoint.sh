#!/bin/sh
# Copyright (c) 2026, the SM2A contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
#
# Makes the database on the first start, then becomes the server.
set -eu
[ "${1#-}" = "$1" ] || set -- mysqld "$@"
data=/var/lib/mysql
socket=/run/mysqld/mysqld.sock
if [ "$1" = mysqld ] && [ "$(id -u)" = 0 ]; then
    mkdir -p "$data" /run/mysqld
    chown -R mysql "$data" /run/mysqld
    exec gosu mysql "$0" "$@"
fi
if [ "$1" = mysqld ]; then
    set -- "$@" --datadir="$data" --socket="$socket" --bind-address='*'
    if [ ! -d "$data/mysql" ]; then
        mysqld --initialize-insecure --datadir="$data"
        # The server listens on its socket only until the database exists, as the official image does.
        mysqld --datadir="$data" --socket="$socket" --skip-networking --mysqlx=OFF &
        until mysql --socket="$socket" --user=root --execute='SELECT 1' > /dev/null 2>&1; do sleep 0.2; done
        # The user has what RDS gives to the master user:
        # https://docs.aws.amazon.com/AmazonRDS/latest/UserGuide/UsingWithRDS.MasterAccounts.html
        mysql --socket="$socket" --user=root <<SQL
CREATE USER root@'%' IDENTIFIED BY '$MYSQL_ROOT_PASSWORD';
GRANT ALL ON *.* TO root@'%' WITH GRANT OPTION;
CREATE DATABASE \`$MYSQL_DATABASE\`;
CREATE USER '$MYSQL_USER'@'%' IDENTIFIED BY '$MYSQL_PASSWORD';
GRANT SELECT, INSERT, UPDATE, DELETE, CREATE, DROP, RELOAD, PROCESS, REFERENCES, INDEX, ALTER, SHOW DATABASES,
    CREATE TEMPORARY TABLES, LOCK TABLES, EXECUTE, REPLICATION SLAVE, REPLICATION CLIENT, CREATE VIEW, SHOW VIEW,
    CREATE ROUTINE, ALTER ROUTINE, CREATE USER, EVENT, TRIGGER ON *.* TO '$MYSQL_USER'@'%' WITH GRANT OPTION;
SQL
        mysqladmin --socket="$socket" --user=root shutdown
        wait
    fi
fi
exec "$@"
