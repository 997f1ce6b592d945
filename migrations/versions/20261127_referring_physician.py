"""A referring physician's name is found without case and accents, alike on both databases."""

import unicodedata

import sqlalchemy as sa
from alembic import op

revision = "20261127_referring_physician"
down_revision = "20261126_z_uncounted"
branch_labels = None
depends_on = None
AT_ONCE = 1_000


def folded(name: str) -> str:
    """As the application did when this was written."""
    bare = "".join(one for one in unicodedata.normalize("NFKD", name) if not unicodedata.combining(one))
    groups = bare.casefold().split("=")
    return "=".join("^".join(" ".join(part.split()) for part in one.split("^")).rstrip("^ ") for one in groups)


def upgrade() -> None:
    with op.batch_alter_table("study") as study:
        study.add_column(sa.Column("referring_physician_key", sa.String(400), nullable=False, server_default=""))
    table = sa.table(
        "study", sa.column("id", sa.Uuid()), sa.column("referring_physician_name"), sa.column("referring_physician_key")
    )
    named = sa.select(table.c.id, table.c.referring_physician_name).where(table.c.referring_physician_name != "")
    rows = op.get_bind().execute(named).all()
    fill = sa.update(table).where(table.c.id == sa.bindparam("row")).values(referring_physician_key=sa.bindparam("key"))
    for at in range(0, len(rows), AT_ONCE):
        op.get_bind().execute(fill, [{"row": row[0], "key": folded(row[1])[:400]} for row in rows[at : at + AT_ONCE]])


def downgrade() -> None:
    with op.batch_alter_table("study") as study:
        study.drop_column("referring_physician_key")
