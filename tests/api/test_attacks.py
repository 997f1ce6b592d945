"""Eight attacks on a signature, by whoever has the database's password: `verify` says of each what is not right."""

import json
from collections.abc import Callable
from datetime import timedelta
from uuid import UUID, uuid4

import httpx
import pytest
import sqlalchemy as sa
from sqlalchemy.orm import object_session

from app.access import passkeys
from app.access.actor import WORKER
from app.access.passkeys import Party
from app.db import transaction
from app.reports.models import ReportVersion, Signature
from app.reports.source import canonical, sha256_of
from app.studies.models import Instance
from tests import people
from tests.access.soft_passkey import SoftPasskey
from tests.faults.mortal import PASSWORD, Drafted, client_of, drafted, ok
from tests.people import Places
from tests.servers.app import Running

pytestmark = pytest.mark.parametrize("column", ["sqlite+folder"], indirect=True)
Attack = Callable[[ReportVersion, Signature, ReportVersion, Signature], None]  # on the first; the second is another's


def edit_text(mine: ReportVersion, by: Signature, _other: ReportVersion, _theirs: Signature) -> None:
    """With every digest made anew."""
    source = {**json.loads(mine.canonical or ""), "impression": "Normal."}
    mine.impression, mine.canonical = "Normal.", canonical(source)
    mine.sha256 = by.sha256 = sha256_of(mine.canonical)


def swap_images(mine: ReportVersion, _by: Signature, _other: ReportVersion, _theirs: Signature) -> None:
    """The list stays; the image behind it is another."""
    session = object_session(mine)
    assert session
    session.execute(sa.update(Instance).where(Instance.id == UUID(mine.images[0]["id"])).values(sha256="f" * 64))


def move_signature(mine: ReportVersion, by: Signature, other: ReportVersion, theirs: Signature) -> None:
    """One report's onto the other."""
    session = object_session(mine)
    assert session
    session.delete(theirs)
    session.flush()
    session.execute(sa.update(Signature).where(Signature.id == by.id).values(report_version_id=other.id))


def backdate(mine: ReportVersion, by: Signature, _other: ReportVersion, _theirs: Signature) -> None:
    """Everywhere, with the digests made anew."""
    source = json.loads(mine.canonical or "")
    by.signed_at -= timedelta(days=30)
    source["signature"]["signed_at"] = by.signed_at.isoformat(timespec="seconds")
    mine.canonical = canonical(source)
    mine.sha256 = by.sha256 = sha256_of(mine.canonical)


def other_signer(mine: ReportVersion, by: Signature, other: ReportVersion, _theirs: Signature) -> None:
    source = json.loads(mine.canonical or "")
    by.printed_name = source["signature"]["printed_name"] = source["reader"]["name"] = "Dr Somebody Else"
    mine.canonical = canonical(source)
    mine.sha256 = by.sha256 = sha256_of(mine.canonical)


def reuse_proof(mine: ReportVersion, by: Signature, _other: ReportVersion, theirs: Signature) -> None:
    """What proved presence for one report is said to have proved it for the other."""
    proof, evidence, theirs.proof_id = theirs.proof_id, theirs.evidence, uuid4()
    session = object_session(mine)
    assert session
    session.flush()
    by.proof_id, by.evidence = proof, evidence


def append(mine: ReportVersion, _by: Signature, _other: ReportVersion, _theirs: Signature) -> None:
    mine.findings += "\nAnd a normal liver."


def delete(mine: ReportVersion, _by: Signature, _other: ReportVersion, _theirs: Signature) -> None:
    mine.recommendation = ""


ATTACKS: dict[str, tuple[Attack, str]] = {
    "edit text": (edit_text, "seal"), "swap images": (swap_images, "images"),
    "move signature": (move_signature, "signature"), "backdate": (backdate, "seal"),
    "other signer": (other_signer, "seal"), "reuse of re-authentication": (reuse_proof, "passkey"),
    "append": (append, "findings"), "delete": (delete, "recommendation"),
}  # fmt: skip


class Signer:
    """A reviewer with a passkey of their own."""

    def __init__(self, server: Running, places: Places) -> None:
        people.set_password(places.reviewer, PASSWORD)
        self.party = Party("localhost", server.base_url.replace("127.0.0.1", "localhost"))
        self.key = SoftPasskey(self.party.origin)
        self.client = client_of(self.party.origin, places.reviewer)
        register(places, self.party, self.key)

    def sign(self, case: Drafted) -> httpx.Response:
        shown, tag = {"images_sha256": case.images_sha256}, {"If-Match": case.etag}
        asked = ok(self.client.post(f"/reviews/{case.review_id}/sign-options", json=shown, headers=tag))
        passkey = {"challenge_id": asked["challenge_id"], "credential": self.key.answer(asked["public_key"])}
        self.last = {**shown, "passkey": passkey}
        return self.client.post(f"/reviews/{case.review_id}/sign", json=self.last, headers=tag)


def register(places: Places, party: Party, key: SoftPasskey) -> None:
    """As the account's page does, which no token may."""

    with transaction(places.reviewer.actor) as session:
        offered = passkeys.offer(session, places.reviewer.actor, party)
        made = key.make(offered["public_key"])
        passkeys.add(session, places.reviewer.actor, party, UUID(offered["challenge_id"]), made, "Telephone")


@pytest.mark.parametrize("attack", ATTACKS)
def test_an_attack_is_seen(server: Running, places: Places, attack: str) -> None:
    signer = Signer(server, places)
    with client_of(server.base_url, places.referrer) as referrer, signer.client as reviewer:
        mine, other = (ok(signer.sign(drafted(referrer, reviewer))) for _ in range(2))
        path = f"/reports/{mine['report_id']}/verify"
        before = ok(referrer.get(path))
        assert (before["authentic"], before["current"], before["differs"]) == (True, True, [])
        do, seen = ATTACKS[attack]
        with transaction(WORKER) as session:
            rows = [
                row
                for one in (mine, other)
                for row in session.execute(
                    sa.select(ReportVersion, Signature).join(Signature, Signature.report_version_id == ReportVersion.id)
                    .where(ReportVersion.report_id == UUID(one["report_id"]))
                ).one()
            ]  # fmt: skip
            do(*rows)
        after = ok(referrer.get(path))
        assert not after["authentic"]
        assert seen in after["differs"]
        if attack == "move signature":
            assert "seal" in ok(referrer.get(f"/reports/{other['report_id']}/verify"))["differs"]
        page = referrer.get(f"{server.base_url}/reports/{mine['report_id']}/verify", headers={"Accept": "text/html"})
        assert "This is not what was signed" in page.text


def test_a_passkeys_answer_signs_one_report_and_no_other_text(server: Running, places: Places) -> None:
    signer = Signer(server, places)
    with client_of(server.base_url, places.referrer) as referrer, signer.client as reviewer:
        case, other = (drafted(referrer, reviewer) for _ in range(2))
        ok(signer.sign(case))
        replayed = reviewer.post(f"/reviews/{other.review_id}/sign", json={**signer.last, "images_sha256": other.images_sha256},
                                 headers={"If-Match": other.etag})  # fmt: skip
        assert replayed.status_code == 422
        shown, tag = {"images_sha256": other.images_sha256}, {"If-Match": other.etag}
        asked = ok(reviewer.post(f"/reviews/{other.review_id}/sign-options", json=shown, headers=tag))
        changed = reviewer.put(f"/reviews/{other.review_id}/report", json={"impression": "Normal."}, headers=tag)
        answer = {"challenge_id": asked["challenge_id"], "credential": signer.key.answer(asked["public_key"])}
        body = {**shown, "passkey": answer}
        refused = reviewer.post(
            f"/reviews/{other.review_id}/sign", json=body, headers={"If-Match": changed.headers["etag"]}
        )
        assert (refused.status_code, refused.json()["field"]) == (422, "passkey")
        nothing = reviewer.post(
            f"/reviews/{other.review_id}/sign", json=shown, headers={"If-Match": changed.headers["etag"]}
        )
        assert nothing.status_code == 422
