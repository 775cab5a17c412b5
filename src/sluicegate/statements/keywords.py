"""PostgreSQL's keywords, as its own scanner tells them."""

from __future__ import annotations

import functools

from postgast import pg_query_pb2 as pg
from postgast.scan import scan


@functools.cache
def reserved_words() -> frozenset[str]:
    """Return the words that cannot stand for a name everywhere, so that ``quote_ident`` quotes them."""
    names = [value.name for value in pg.Token.DESCRIPTOR.values]
    words = [name.removesuffix("_P").lower() for name in names if name.replace("_", "").isalpha()]
    tokens = scan(" ".join(words)).tokens
    text = " ".join(words)
    return frozenset(
        text[token.start : token.end]
        for token in tokens
        if token.keyword_kind not in {pg.NO_KEYWORD, pg.UNRESERVED_KEYWORD}
    )
