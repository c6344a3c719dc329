# Copyright (c) 2026, the SM2A contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Prints parliament's findings as JSON, pairs of its rule and what it says; reads policies by their names."""

from __future__ import annotations

import json
import sys

from parliament import analyze_policy_string, enhance_finding

found = []
for name, policy in json.load(sys.stdin).items():
    for finding in analyze_policy_string(json.dumps(policy)).findings:
        finding = enhance_finding(finding)
        if finding.severity != "MUTED":
            found.append((finding.issue, f"{name}: {finding.detail}"))
print(json.dumps(found))
