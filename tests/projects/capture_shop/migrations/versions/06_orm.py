import sqlalchemy as sa
from alembic import op
from sqlalchemy import orm

revision = "06"
down_revision = "05"

Base = orm.declarative_base()


class Shelf(Base):
    __tablename__ = "shelves"
    id = sa.Column(sa.Integer, primary_key=True)
    name = sa.Column(sa.Text, default="plain")
    books = orm.relationship("Book")


class Book(Base):
    __tablename__ = "books"
    id = sa.Column(sa.Integer, primary_key=True)
    shelf_id = sa.Column(sa.ForeignKey("shelves.id"))
    title = sa.Column(sa.Text)


def upgrade():
    Base.metadata.create_all(op.get_bind())
    session = orm.Session(bind=op.get_bind())
    first = Shelf(books=[Book(title=letter) for letter in "abc"])
    session.add_all([first, Shelf(name="empty")])
    session.flush()
    first.books[1].title = "changed"
    session.flush()
    session.execute(sa.delete(Book).where(Book.title == "c"))
