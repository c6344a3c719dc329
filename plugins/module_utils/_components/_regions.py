# Copyright (c) 2026, the SM2A contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Whether there is such a region, as far as botocore knows. A new one may be younger than it."""

from __future__ import annotations

from difflib import get_close_matches

from .._reconcile.aws import known_regions, partition_of
from .._reconcile.errors import OptionError

REGIONS = "https://docs.aws.amazon.com/global-infrastructure/latest/regions/aws-regions.html"
# The last word but one of the name of every region.
DIRECTIONS = {
    "central",
    "north",
    "northeast",
    "east",
    "southeast",
    "south",
    "southwest",
    "west",
    "northwest",
}


def region_fault(region: str) -> OptionError | None:
    """Return why a region cannot be one, with the names that are nearest to it; None if it can, or is not given."""
    if not region or region in known_regions():
        return None
    # Without a partition no ARN can be made.
    if partition_of(region) and region.split("-")[-2] in DIRECTIONS:
        return None
    nearest = get_close_matches(region.lower().replace("_", "-"), sorted(known_regions()))
    meant = f"did you mean {' or '.join(nearest)}? If not" if nearest else "if there is one"
    return OptionError("region", region, f"no such region is known; {meant}, update botocore", REGIONS)


def region_warning(region: str) -> str:
    """Return what to look at if a region may exist and botocore does not know it; else nothing."""
    if not region or region in known_regions() or region_fault(region):
        return ""
    nearest = get_close_matches(region, sorted(known_regions()), n=1)
    like = f"; the nearest name that it knows is {nearest[0]}" if nearest else ""
    return (
        f"The installed botocore knows no region {region}{like}. If it is new, all is well, or botocore needs an update"
    )
