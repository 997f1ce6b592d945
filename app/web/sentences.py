"""Sentences that lower folders keep in rows or raise by their name alone, listed so that the catalogues know them."""

from app.languages import N_

FROM_BELOW = (
    N_("There is nothing here."),
    N_("This is not your password."),
    N_("This is not the code that your device shows now."),
    N_("This passkey was not accepted. Try again, or use your password."),
    N_("E-mail address, password or code is not right."),
    N_("Too many tries from here. Wait a quarter of an hour, then try again."),
    N_("Something went wrong on our side. It is noted; try again."),
    N_("This request cannot be understood."),
    N_("This cannot be done here."),
    N_("A value is too large, or holds a character that cannot be stored."),
    N_("This is missing."),
    N_("There is no such field."),
    N_("This should be an object with its own fields."),
    N_("This is not in the expected form."),
    N_("The file names another patient than this referral. Is it the same patient, or the wrong file?"),
    N_(
        "The file names another patient than this referral, and its examination is here already with another patient. "
        "Is it the same patient all the same, or the wrong file?"
    ),
    N_("This examination is here already, with another patient. Is it the same patient, or the wrong file?"),
    N_("Another file with the same identifier is already here. Both are kept; the first one is shown."),
    N_("This ZIP is damaged or was cut off."),
    N_(
        "The file changed on its way: its SHA-256 is another than was declared. "
        "Nothing of it was attached; send it again."
    ),
    N_("The same bytes are here under another name."),
    N_("Its sender ended the upload before all of it had arrived."),
    N_("The upload of this file was not finished in time. Send it again."),
    N_("Wrong file."),
    N_("It will not be sent."),
    N_("Refused; taken off the list."),
    N_("The first one stays."),
    N_("Moved to another referral."),
    N_("Sent again for the right patient: {code}"),
    N_("No mail server is set."),
    N_("The person's account is closed."),
    # The states that a refusal may name.
    N_("draft"), N_("active"), N_("completed"), N_("revoked"), N_("entered-in-error"), N_("requested"), N_("received"),
    N_("accepted"), N_("in-progress"), N_("on-hold"), N_("rejected"), N_("cancelled"),
    N_("asked"), N_("given"), N_("raised"), N_("communicated"), N_("read-back"), N_("withdrawn"),
)  # fmt: skip
