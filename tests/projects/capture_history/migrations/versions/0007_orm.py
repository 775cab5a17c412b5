import sqlalchemy as sa
from alembic import op
from sqlalchemy import orm

revision = "0007"
down_revision = "0006"

Base = orm.declarative_base()


class Shelf(Base):
    __tablename__ = "shelves"
    id = sa.Column(sa.Integer, primary_key=True)
    name = sa.Column(sa.Text)
    books = orm.relationship("Book", back_populates="shelf")


class Book(Base):
    __tablename__ = "books"
    id = sa.Column(sa.Integer, primary_key=True)
    shelf_id = sa.Column(sa.ForeignKey("shelves.id"))
    title = sa.Column(sa.Text)
    shelf = orm.relationship(Shelf, back_populates="books")


def upgrade():
    Base.metadata.create_all(op.get_bind())
    session = orm.Session(bind=op.get_bind())
    session.add(Shelf(name="top", books=[Book(title="a"), Book(title="b")]))
    session.flush()
    session.query(Book).filter(Book.title == "a").update({"title": "c"})
