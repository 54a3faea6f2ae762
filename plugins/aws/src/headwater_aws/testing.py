"""Test your own connections against a strict local AWS.

    from headwater_aws.testing import Emulator

    with Emulator() as aws:
        glue = aws.client("glue")                 # an administrator, for seeding
        role = aws.create_oidc_role(subject="monitor")
        token = aws.issuer.token(sub="monitor")   # now assume the role at aws.endpoint_url

**It is not AWS.** It refuses what AWS refuses, with AWS's codes, where a reader of Glue and S3
goes wrong: forged, expired and misdirected tokens, trust policies, wrong keys, ended sessions,
identity, session and resource policies on real ARNs, pages, segments, catalogs of other accounts.
Known differences:

- Issuers may be http on 127.0.0.1. AWS asks for https, reachable from the internet.
- Policies: no service control policies, permission boundaries or VPC endpoint policies.
  `aws:SecureTransport` is always true. An unknown condition operator is an error.
- Lake Formation has no API: `Emulator.govern` says what is granted, DESCRIBE or SELECT, of a table
  or of some of its columns. That DESCRIBE alone shows no partitions is our choice.
- The clock of signatures is not judged, and IAM changes take effect at once.
- S3: path-style addresses; no versions, tags, ACLs, encryption, or redirects between regions.
  DeleteObjects is refused as a whole when one of its keys is.
- Glue: writing is moto's, with names folded to lower case; `Expression` knows no `NOT (...)` and
  no reversed operands. SearchTables looks the words up in the whole table. AWS documents that
  GetTables leaves out what is not allowed; GetDatabases is taken to do the same.
- STS: AssumeRole, AssumeRoleWithWebIdentity, GetCallerIdentity. Every MFA code but
  `Emulator.mfa_code` is wrong. The packed size of a session policy is not computed. The claim
  `azp` is no audience.
"""

from headwater_aws.emulator.faults import Faults
from headwater_aws.emulator.issuer import OidcIssuer
from headwater_aws.emulator.record import Recorded, RequestLog
from headwater_aws.emulator.server import Emulator

__all__ = ["Emulator", "Faults", "OidcIssuer", "Recorded", "RequestLog"]
