"""One example of each field that JSON answers have, of which the OpenAPI document composes whole ones."""

from typing import Any

SHA256 = "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"

# By name; by `Schema.name` where a name means several things.
EXAMPLES: dict[str, Any] = {
    # Who
    "name": "Lodwar County Hospital", "organization": "Lodwar County Hospital", "email": "amina@example.org",
    "role": "reviewer", "scopes": ["read"], "language": "en", "time_zone": "Africa/Nairobi", "hint": "spt_Zk3f",
    "Me.name": "Dr Amina Yusuf", "TokenOut.name": "Ultrasound room 2", "token": None, "actor_kind": "person",
    "person": "Dr Amina Yusuf", "author": "Sr Achieng", "owner": {"id": "0199a5b2-7c1e-7d3a-9f40-2b6c8d1e5f71",
    "name": "Dr Amina Yusuf"}, "signed_by": "Dr Amina Yusuf",
    # The patient
    "identifier": "MRN-1234", "issuer": "Lodwar", "family_name": "Otieno", "given_name": "Jane", "name_local": "",
    "birth_date": "1990", "sex": "female", "value": 36, "unit": "years", "mother_patient_id": None, "birth_order": None,
    # The question
    "code": "K7M2QX", "ExamType.code": "abdomen", "exam_type": "abdomen", "question": "Gallstones?", "priority": "asap",
    "status": "active", "clinical_notes": "Fever 38.4 °C, Murphy positive.", "accession_number": "K7M2QX",
    "callback": {"name": "Sr Achieng", "phone": "+254 700 000000"}, "obstetric": None, "provisional_reading": "",
    "phone": "+254 700 000000",
    "Callback.name": "Sr Achieng", "system": "https://emr.example.org", "ExternalIdentifierGiven.value": "A-17",
    "external_identifiers": [{"system": "https://emr.example.org", "value": "A-17"}], "ended_reason": "",
    "revisions": [{"version": 2, "at": "2026-11-26T09:30:00Z", "changes": {"priority": ["routine", "asap"]}}],
    "next_cursor": None, "reason": "", "advice": "", "ReviewOut.status": "in-progress", "WorklistItem.status": "requested",
    "gestational_age": "31w4d", **{f"{schema}.gestational_age": {"weeks": 31, "days": 4, "is_certain": True}
    for schema in ("GrowthOut", "EarlierOut")}, "has_unread_message": False, "revised_at": None,
    "lmp": "2026-03-02", "edd": "2026-12-07", "edd_basis": "CRL", "pregnancy_test": "positive",
    "text": "Please add a long axis of the gallbladder.", "patient_leaves_at": None,
    # Files
    "FileOut.name": "ruq-1.dcm", "GivenFile.name": "ruq-1.dcm",
    "FileOut.status": "stored", "FileOut.kind": "dicom", "identity": {"verdict": "match"},
    "FileOut.files": None, "FileOut.priority": 1, "GivenFile.priority": 1, "FileOut.preview": None,
    "archive_id": None, "document_id": None, "sha256": SHA256, "size_bytes": 231710,
    "DocumentOut.name": "letter.pdf", "DocumentOut.kind": "pdf", "preview": "ready", "preview_reason": "",
    "InstanceOut.kind": "dicom", "sop_instance_uid": "2.25.198310928730958714", "rows": 768, "columns": 1024,
    "acquired": "20261126093000", "wrap_reason": "", "frame_time_ms": 33.3, "series_description": "Abdomen",
    "series_instance_uid": "2.25.198310928730958713", "archive": "/api/v1/studies/0199a5b2-7c1e-7d3a-9f40-2b6c8d1e5f70/archive",
    "original": "/api/v1/instances/0199a5b2-7c1e-7d3a-9f40-2b6c8d1e5f70/original",
    "InstanceLinks.preview": "/api/v1/instances/0199a5b2-7c1e-7d3a-9f40-2b6c8d1e5f70/preview",
    "frames": "/api/v1/instances/0199a5b2-7c1e-7d3a-9f40-2b6c8d1e5f70/frames/{number}", "proxy": None,
    "EnclosureOut.name": "where-to-hold-it.jpg",
    "EnclosureOut.original": "/api/v1/enclosures/0199a5b2-7c1e-7d3a-9f40-2b6c8d1e5f70/original",
    "url": "/uploads/0199a5b2-7c1e-7d3a-9f40-2b6c8d1e5f70", "UploadOut.name": "ruq-1.dcm", "UploadOut.status": "receiving",
    "offset_bytes": 131072, "file_id": "0199a5b2-7c1e-7d3a-9f40-2b6c8d1e5f71",
    # The answer
    "findings": "Several stones with shadows, wall 3 mm.", "impression": "Gallstones without inflammation.",
    "recommendation": "Surgical opinion within 4 weeks.", "images_sha256": SHA256, "images": [{"id":
    "0199a5b2-7c1e-7d3a-9f40-2b6c8d1e5f70", "sha256": SHA256}], "replaced_by": None, "authentic": True, "current": True,
    "source": {"impression": "Gallstones without inflammation.", "exam": {"images": 14, "clips": 3, "missing": 0}},
    "edd_now": None,
    "dicom": {"study_instance_uid": "2.25.19", "series_instance_uid": "2.25.21", "sop_instance_uid": "2.25.22", "retrieve_url":
    "https://sonopost.example.org/dicom-web/studies/2.25.19/series/2.25.21/instances/2.25.22"}, "feedback": None,
    "differs": [], "ReportOut.form": None, "VersionOut.form": None, "key_images": [], "why": "missing",
    "DraftOut.status": "draft", "DraftOut.kind": "", "VersionOut.kind": "", "ReportOut.kind": "",
    **{f"{schema}.status": "final" for schema in ("ReportBrief", "SignedOut", "VersionOut", "ReportOut", "Verdict")},
    # What cannot wait for it
    "finding": "Ruptured or suspected ectopic pregnancy", "grade": "immediate", "words": "Tamponade",
    "CriticalOut.code": "ectopic", "ListLine.code": "tamponade", "CriticalOut.status": "communicated", "said_back": "",
    "raised_by": {"id": "0199a5b2-7c1e-7d3a-9f40-2b6c8d1e5f71", "name": "Dr Amina Yusuf"}, "communicated_by":
    "Dr Amina Yusuf", "received_by": "Sr Achieng", "CriticalOut.method": "telephone", "received_at": "2026-11-26T09:41:00Z",
    "asked_by": {"id": "0199a5b2-7c1e-7d3a-9f40-2b6c8d1e5f71", "name": "Dr Amina Yusuf"}, "asked_person": None,
    "asked_organization": {"id": "0199a5b2-7c1e-7d3a-9f40-2b6c8d1e5f73", "name": "Institute"}, "given_by": None,
    "OpinionOut.status": "asked", "OpinionOut.question": "A septum, or a second cyst?", "OpinionOut.text": "", "agrees": None,
    "PasskeyOut.name": "My telephone", "challenge_id": "0199a5b2-7c1e-7d3a-9f40-2b6c8d1e5f72",
    # Who is told, and the record
    "NotificationOut.kind": "report.signed", "subject": "An answer waits for you", "mail_status": "sent", "read_at": None,
    "settled_at": None, "state": "sent", "mails": "instantly",
    "MessageOut.kind": "question", "from_reader": True, "action": "report.signed", "detail": {}, "withdrawn_at": None,
    # What waits on a device
    "lock": "2LyE5cbzC0p7YkR1mA6oVt3xJ8qWfHdN9uZsB4eGiTw=", "DeviceOut.token": "spt_Zk3f…", "DeviceOut.name": "Sr Achieng",
    "replaces": None,
    # What needs somebody, and how long it takes
    "AttentionItem.kind": "overdue", "AttentionItem.id": "0199a5b2-7c1e-7d3a-9f40-2b6c8d1e5f70", "method": "POST",
    "path": "/api/v1/reviews/0199a5b2-7c1e-7d3a-9f40-2b6c8d1e5f70/assign", "reply_due_at": None, "returned_at": None,
    "sent_on_at": None, "declined": [], "mend_by": "2026-11-26T12:00:00Z", "WorklistItem.mend_by": None,
    "stage": "answer", "stat_min": 60, "asap_min": 240, "urgent_min": 1440, "routine_min": 4320,
    # Problems
    "type": "about:blank", "title": "Conflict", "Problem.status": 409, "field": None, "errors": None,
    "Problem.detail": "Dr Amina Yusuf has claimed this already.", "FieldProblem.field": "question",
    "FieldProblem.detail": "This is missing.",
}  # fmt: skip
