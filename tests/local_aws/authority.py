# Copyright (c) 2026, the SM2A contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The certificate authority of the local AWS: it stands in for Amazon's, of ACM and of RDS.

It is made once and outlives the emulator, so that what trusts it, an image or a browser, need not be told again.
"""

from __future__ import annotations

import os
from pathlib import Path

import trustme

FOLDER = Path(__file__).resolve().parents[2] / ".local" / "authority"
CERTIFICATE = FOLDER / "authority.pem"
"""What clients trust."""

KEY = FOLDER / "authority.key"


def load() -> trustme.CA:
    """Return the authority; it is made where there is none yet."""
    if not KEY.exists():
        FOLDER.mkdir(mode=0o700, parents=True, exist_ok=True)
        made = trustme.CA(organization_name="SM2A local AWS")
        made.cert_pem.write_to_path(str(CERTIFICATE))
        # The key last, and all of it at once: where it is, the certificate is too.
        half = KEY.with_suffix(".half")
        descriptor = os.open(half, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(descriptor, "wb") as stream:
            stream.write(made.private_key_pem.bytes())
        half.rename(KEY)
    return trustme.CA.from_pem(CERTIFICATE.read_bytes(), KEY.read_bytes())
