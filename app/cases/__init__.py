"""A case: a referral with its files, its review and its report, as pages and JSON both show it."""
