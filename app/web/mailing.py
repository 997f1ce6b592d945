"""A mail that is sent while somebody waits for it: an invitation, or the test of the mail server."""

from email.message import EmailMessage
from email.policy import SMTP
from email.utils import formatdate, make_msgid

from app.config import settings
from app.notifications.mail import MailAway, Refused, deliver


def send(to: str, subject: str, link: str) -> bool | None:
    """True when the mail server took it, False when not, None where there is none; outside of any transaction."""
    if not settings().smtp_url:
        return None
    message = EmailMessage(policy=SMTP)
    message["From"], message["To"], message["Subject"] = settings().mail_from, to, subject
    message["Date"], message["Message-ID"] = formatdate(), make_msgid()
    message.set_content(f"{subject}\n\n{link}\n", charset="utf-8", cte="quoted-printable")
    try:
        deliver(message, settings())
    except (MailAway, Refused):
        return False
    return True
