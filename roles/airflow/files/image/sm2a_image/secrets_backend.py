# Copyright (c) 2026, the SM2A contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The secrets backend of Airflow's configuration, connections and variables."""

from __future__ import annotations

from airflow.providers.amazon.aws.secrets import secrets_manager

from sm2a_image.configuration_cache import ConfigurationCache
from sm2a_image.lookup_cache import LookupCache


class SecretsManagerBackend(ConfigurationCache, LookupCache, secrets_manager.SecretsManagerBackend):
    """Amazon's, with all its options, and ``cache_seconds`` for connections and variables."""
