import datetime
import decimal
import uuid

import sqlalchemy as sa
from alembic import op
from pgvector.sqlalchemy import Vector
from sqlalchemy.dialects import postgresql

revision = "02"
down_revision = "01"


def upgrade():
    organizations = sa.table(
        "organizations",
        sa.column("name", sa.Text),
        sa.column("kind", sa.Enum("small", "large", name="organization_kind")),
        sa.column("settings", postgresql.JSONB),
    )
    op.bulk_insert(
        organizations,
        [
            {"name": "it's 100% \\ é", "kind": "large", "settings": {"a": [1, None, "x"]}},
            {"name": "two", "kind": "small", "settings": {}},
        ],
    )
    bind = op.get_bind()
    bind.execute(
        sa.text(
            "INSERT INTO events (id, organization_id, at, amount, tags, embedding)"
            " VALUES (:id, 1, :at, :amount, :tags, :embedding)"
        ).bindparams(sa.bindparam("embedding", type_=Vector(3)), sa.bindparam("tags", type_=postgresql.ARRAY(sa.Text))),
        [
            {
                "id": number,
                "at": datetime.datetime(2024, 2, number, 1, 2, 3, 456, tzinfo=datetime.UTC),
                "amount": decimal.Decimal("1.50") * number,
                "tags": ["a", "b'c", None][:number],
                "embedding": [number, 0.5, -1],
            }
            for number in (1, 2, 3)
        ],
    )
    values = sa.Table(
        "everything",
        sa.MetaData(),
        sa.Column("key", sa.Uuid, primary_key=True),
        sa.Column("raw", sa.LargeBinary),
        sa.Column("day", sa.Date),
        sa.Column("hour", sa.Time),
        sa.Column("span", sa.Interval),
        sa.Column("ratio", sa.Float),
        sa.Column("period", postgresql.INT4RANGE),
        sa.Column("address", postgresql.INET),
        sa.Column("document", sa.JSON),
        sa.Column("numbers", postgresql.ARRAY(sa.Integer)),
        sa.Column("flag", sa.Boolean),
        sa.Column("small", sa.SmallInteger),
    )
    values.create(bind)
    bind.execute(
        values.insert(),
        {
            "key": uuid.UUID(int=7),
            "raw": b"\x00\x01'\\\xff",
            "day": datetime.date(2024, 2, 29),
            "hour": datetime.time(1, 2, 3),
            "span": datetime.timedelta(days=-1, hours=5, microseconds=7),
            "ratio": -0.1,
            "period": postgresql.Range(1, 5, bounds="[)"),
            "address": "10.0.0.1/8",
            "document": {"deep": {"quote": "'"}},
            "numbers": [1, -2],
            "flag": False,
            "small": -32768,
        },
    )
    bind.execute(values.insert(), {"key": uuid.UUID(int=8), "document": None, "numbers": [], "ratio": float("inf")})
