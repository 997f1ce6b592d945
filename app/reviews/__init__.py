"""The specialist's work on one referral."""
