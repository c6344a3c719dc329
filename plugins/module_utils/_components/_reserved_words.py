# Copyright (c) 2026, the SM2A contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Words of SQL that RDS does not take as the name of a database's owner, of both engines.

https://www.postgresql.org/docs/current/sql-keywords-appendix.html
https://dev.mysql.com/doc/refman/8.4/en/keywords.html
"""

from __future__ import annotations

_POSTGRESQL = """
    all analyse analyze and any array as asc asymmetric authorization binary both case cast check collate collation
    column concurrently constraint create cross current_catalog current_date current_role current_schema current_time
    current_timestamp current_user default deferrable desc distinct do else end except false fetch for foreign freeze
    from full grant group having ilike in initially inner intersect into is isnull join lateral leading left like limit
    localtime localtimestamp natural not notnull null offset on only or order outer overlaps placing primary references
    returning right select session_user similar some symmetric system_user table tablesample then to trailing true union
    unique user using variadic verbose when where window with
"""
_MYSQL = """
    accessible add alter asensitive before between bigint blob by call cascade change char character condition continue
    convert cube cume_dist cursor database databases day_hour day_microsecond day_minute day_second dec decimal declare
    delayed delete dense_rank describe deterministic distinctrow div double drop dual each elseif empty enclosed escaped
    exists exit explain first_value float float4 float8 force fulltext function generated get grouping groups
    high_priority hour_microsecond hour_minute hour_second if ignore index infile inout insensitive insert int int1 int2
    int3 int4 int8 integer intersect interval io_after_gtids io_before_gtids iterate json_table key keys kill lag
    last_value lead leave linear lines load lock long longblob longtext loop low_priority manual match maxvalue
    mediumblob mediumint mediumtext middleint minute_second mod modifies no_write_to_binlog nth_value ntile numeric of
    optimize optimizer_costs option optionally out outfile over parallel partition percent_rank precision procedure
    purge qualify range rank read reads read_write real recursive regexp release rename repeat replace require resignal
    restrict return revoke rlike row row_number rows schema schemas second_microsecond sensitive separator set show
    signal smallint spatial specific sql sql_big_result sql_small_result sqlexception sqlstate sqlwarning ssl starting
    stored straight_join system tablesample terminated tinyblob tinyint tinytext trigger undo unlock unsigned update
    usage use utc_date utc_time utc_timestamp values varbinary varchar varcharacter varying virtual while write xor
    year_month zerofill
"""
RESERVED_WORDS = frozenset(f"{_POSTGRESQL} {_MYSQL}".split())
