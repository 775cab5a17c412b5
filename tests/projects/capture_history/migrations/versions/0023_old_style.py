import sqlalchemy as sa
from alembic import op

revision = "0023"
down_revision = "0022"


def upgrade():
    bind = op.get_bind()
    bind.execute("ALTER TABLE items ADD COLUMN twelfth text")
    items = sa.Table("items", sa.MetaData(bind=bind), autoload=True)
    bind.execute(items.delete().where(items.c.id.in_(sa.select([items.c.id]).where(items.c.twelfth == "x"))))
