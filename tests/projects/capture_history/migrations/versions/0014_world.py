import os
import pathlib
import socket
import subprocess
import tempfile

from alembic import op

revision = "0014"
down_revision = "0013"


def attempt(action):
    try:
        action()
    except OSError as error:
        print("refused", error)
    else:
        raise AssertionError("the world was touched")


def upgrade():
    with tempfile.NamedTemporaryFile("w") as scratch:
        scratch.write("allowed")
    attempt(lambda: pathlib.Path("left_behind.txt").write_text("x"))
    attempt(lambda: socket.create_connection(("127.0.0.1", 9)))
    attempt(lambda: subprocess.run(["true"]))
    attempt(lambda: os.remove(__file__))
    op.execute("ALTER TABLE items ADD COLUMN fourth text")
