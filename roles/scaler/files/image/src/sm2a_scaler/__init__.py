# Copyright (c) 2026, the SM2A contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""SM2A's scaler: sets how many Airflow workers each pool has, by what waits and what runs.

Three things, kept apart: ``observe`` reads (database, SQS, ECS), ``decide`` is a pure function, ``act`` changes ECS.
"""
