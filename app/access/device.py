"""What the device of a passkey is asked, and what it answered (WebAuthn); read in by the first who has one."""

# Its library takes a tenth of the time that the service needs to start: it is imported where it is used.
import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import webauthn
from cryptography.exceptions import InvalidSignature
from webauthn.helpers import base64url_to_bytes, bytes_to_base64url, decode_credential_public_key
from webauthn.helpers.decoded_public_key_to_cryptography import decoded_public_key_to_cryptography
from webauthn.helpers.exceptions import WebAuthnException
from webauthn.helpers.structs import (
    AuthenticatorSelectionCriteria,
    PublicKeyCredentialDescriptor,
    ResidentKeyRequirement,
    UserVerificationRequirement,
)
from webauthn.helpers.verify_signature import verify_signature

from app.access.models import Passkey
from app.access.passkeys import Json, Party
from app.people.models import Person

WRONG = (WebAuthnException, InvalidSignature, ValueError, KeyError, TypeError)


@dataclass(frozen=True)
class Made:
    """A new passkey: its id and public key (COSE) in base64url."""

    credential_id: str
    public_key: str
    sign_count: int


def to_create(party: Party, person: Person, known: Sequence[Passkey], challenge: bytes) -> Json:
    """For `navigator.credentials.create`."""
    return _as_json(webauthn.generate_registration_options(
        rp_id=party.name, rp_name="Sonopost", user_id=person.id.bytes, user_name=person.email,
        user_display_name=person.name, challenge=challenge, exclude_credentials=[_descriptor(one) for one in known],
        authenticator_selection=AuthenticatorSelectionCriteria(
            resident_key=ResidentKeyRequirement.PREFERRED, user_verification=UserVerificationRequirement.REQUIRED
        ),
    ))  # fmt: skip


def created(party: Party, challenge: bytes, credential: Json) -> Made | None:
    """None where the answer is not to this challenge."""
    try:
        made = webauthn.verify_registration_response(
            credential=credential, expected_challenge=challenge, expected_rp_id=party.name,
            expected_origin=party.origin, require_user_verification=True,
        )  # fmt: skip
    except WRONG:
        return None
    return Made(bytes_to_base64url(made.credential_id), bytes_to_base64url(made.credential_public_key), made.sign_count)


def to_get(party: Party, known: Sequence[Passkey], challenge: bytes) -> Json:
    """For `navigator.credentials.get`."""
    return _as_json(webauthn.generate_authentication_options(
        rp_id=party.name, challenge=challenge, allow_credentials=[_descriptor(one) for one in known],
        user_verification=UserVerificationRequirement.REQUIRED,
    ))  # fmt: skip


def sign_count_of(party: Party, passkey: Passkey, challenge: bytes, credential: Json) -> int | None:
    """How often it has signed by now; None where it has not signed this challenge."""
    try:
        done = webauthn.verify_authentication_response(
            credential=credential, expected_challenge=challenge, expected_rp_id=party.name,
            expected_origin=party.origin, credential_public_key=base64url_to_bytes(passkey.public_key),
            credential_current_sign_count=passkey.sign_count, require_user_verification=True,
        )  # fmt: skip
    except WRONG:
        return None
    return done.new_sign_count


def signed_challenge(evidence: Json) -> bytes | None:
    """The challenge that was signed with the public key beside it, seen without any secret; None where it was not."""
    try:
        client_data = base64url_to_bytes(evidence["client_data"])
        key = decode_credential_public_key(base64url_to_bytes(evidence["public_key"]))
        signed = base64url_to_bytes(evidence["authenticator_data"]) + hashlib.sha256(client_data).digest()
        verify_signature(public_key=decoded_public_key_to_cryptography(key), signature_alg=key.alg,
                         signature=base64url_to_bytes(evidence["signature"]), data=signed)  # fmt: skip
        return base64url_to_bytes(json.loads(client_data)["challenge"])
    except WRONG:
        return None


def _as_json(options: Any) -> Json:
    found: Json = json.loads(webauthn.options_to_json(options))
    return found


def _descriptor(passkey: Passkey) -> PublicKeyCredentialDescriptor:
    return PublicKeyCredentialDescriptor(id=base64url_to_bytes(passkey.credential_id))
