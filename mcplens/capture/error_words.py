"""Error texts as templates: common words stay, everything else becomes `…`.

An error text repeats what the caller sent. Only words from the list below survive, so that two
failures of one kind have one text, and no value of a call is ever in it.
"""

from __future__ import annotations

import re
from typing import Final

_MAX_WORDS: Final = 60
_MAX_CHARACTERS: Final = 2000
_HIDDEN: Final = "…"
# What is quoted is a value, also where it is made of common words; an apostrophe quotes nothing.
_QUOTED: Final = re.compile(r"(?<!\w)(['\"`]).*?\1(?!\w)", re.DOTALL)
_EDGES: Final = ".,:;!?()[]{}'\"`<>"

_LIST: Final = """
a an the this that these those it its
and or not no nor but if then than as at by for from in into is are was were be been being
of off on onto out over to under up with without within while when which who has have had
do does did can cannot could may might must shall should will would
error errors failure failures failed fail fails exception traceback warning fatal
invalid valid missing required optional unknown unexpected unsupported supported illegal bad
malformed wrong incorrect mismatch duplicate empty null none undefined
argument arguments parameter parameters param params input output value values field fields
key keys property properties type types schema format name id option options
string integer number boolean array object list dict float int str bool
tool tools prompt prompts resource resources method request requests response result results
call calling executing execution execute running run server client connection session
message protocol version mcp json rpc http uri url
validation validate parse parsing parsed decode encode extra inputs permitted
found exist exists existing available unavailable already
file files directory folder path repository branch commit database table column query row
timeout timed timeouts deadline exceeded expired expire expires cancelled canceled aborted
closed reset refused rejected denied forbidden unauthorized authentication authorization
authenticated authorized credentials token permission permissions access allowed
rate limit limited limits quota many too few large small long short
internal external upstream service network host remote local system
unable able read reading write writing open opened opening create created update updated delete
deleted get set send receive received start started stop stopped connect connected load
disconnected loaded retry try again later please
one two more less least most only before after during between all any each every
syntax constraint constraints unique foreign index line character position
outside range bounds maximum minimum length size count
entity page user users account operation operations action actions command status code
process exited exit killed memory disk space full
structured content data returned return enabled disabled initialized initialize
expected got given provided specified
"""

COMMON_WORDS: Final = frozenset(_LIST.split())
"""Words so common in errors that they say nothing about the call."""

_CODES: Final = frozenset({"-32700", "-32600", "-32601", "-32602", "-32603"})


def template_of(text: str) -> str | None:
    """Leave of an error text only its common words; None when no word is common."""
    kept: list[str] = []
    unquoted = _QUOTED.sub(_HIDDEN, text[:_MAX_CHARACTERS])
    for token in unquoted.split()[:_MAX_WORDS]:
        word = _word_of(token)
        if word != _HIDDEN or kept[-1:] != [_HIDDEN]:
            kept.append(word)
    return None if kept in ([], [_HIDDEN]) else " ".join(kept)


def _word_of(token: str) -> str:
    core = token.strip(_EDGES)
    # The case of a word could tell something; only its three usual forms pass.
    usual = core in (core.lower(), core.capitalize(), core.upper())
    if not (core in _CODES or (usual and core.lower() in COMMON_WORDS)):
        return _HIDDEN
    return core + ":" if token.endswith(":") else core
