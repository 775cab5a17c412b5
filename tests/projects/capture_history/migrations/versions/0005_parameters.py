import datetime
import decimal
import enum
import uuid

import sqlalchemy as sa
from alembic import op
from pgvector.sqlalchemy import Vector
from sqlalchemy.dialects import postgresql

revision = "0005"
down_revision = "0004"


class Colour(enum.Enum):
    RED = "red"


values = sa.table(
    "everything",
    sa.column("flag", sa.Boolean),
    sa.column("whole", sa.Integer),
    sa.column("exact", sa.Numeric),
    sa.column("inexact", sa.Float),
    sa.column("words", sa.Text),
    sa.column("raw", sa.LargeBinary),
    sa.column("day", sa.Date),
    sa.column("moment", sa.DateTime(timezone=True)),
    sa.column("span", sa.Interval),
    sa.column("key", sa.Uuid),
    sa.column("document", postgresql.JSONB),
    sa.column("list", postgresql.ARRAY(sa.Integer)),
    sa.column("colour", sa.Enum(Colour, name="colour")),
    sa.column("embedding", Vector(3)),
    sa.column("missing", sa.Text),
)


def upgrade():
    op.execute(
        values.insert().values(
            flag=True,
            whole=-7,
            exact=decimal.Decimal("1.50"),
            inexact=0.5,
            words="it's 100% é",
            raw=b"\x00\xff",
            day=datetime.date(2024, 2, 29),
            moment=datetime.datetime(2024, 2, 29, 12, tzinfo=datetime.UTC),
            span=datetime.timedelta(days=1, seconds=2),
            key=uuid.UUID(int=1),
            document={"a": [1, None]},
            list=[1, 2],
            colour=Colour.RED,
            embedding=[1, 2, 3],
            missing=None,
        )
    )
