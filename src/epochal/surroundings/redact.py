"""Taking secrets out of what is noted: command lines, addresses, changes of code.

What a name gives away (``--api-key``, ``password=``) and what a form gives away (``ghp_...``, ``user:pass@``)
is replaced by ``***``. A word too many is better than a key in a journal; a "tokenizer" is no token, though.
"""

from __future__ import annotations

import itertools
import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

MARK = "***"

_WORD = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|\d+")
# fmt: off
_SECRET = {
    "apikey", "auth", "authorization", "bearer", "cookie", "credential", "credentials", "jwt", "pass",
    "passcode", "passphrase", "passwd",
    "password", "passwords", "pwd", "sas", "secret", "secrets", "sig", "token",
}
_OF_A_KEY = {
    "access", "account", "api", "auth", "encryption", "license", "master", "private", "secret", "signing",
    "ssh",
}
# fmt: on
_FORMS = re.compile(
    r"""
      (?P<pem>-----BEGIN[ ][A-Z ]*PRIVATE[ ]KEY-----[\s\S]*?(?:-----END[ ][A-Z ]*PRIVATE[ ]KEY-----|\Z))
    | \b(?:AKIA|ASIA)[0-9A-Z]{16}\b                                  # AWS
    | \b(?:gh[pousr]_|github_pat_|glpat-|gldt-|npm_|pypi-|dckr_pat_|hf_|shpat_|xox[abeoprs]-)[\w-]{10,}
    | \b(?:sk|rk|pk)[-_](?:live[-_]|test[-_]|proj-|ant-|or-)?[\w-]{16,}   # OpenAI, Anthropic, Stripe
    | \bAIza[\w-]{30,} | \bya29\.[\w.-]{20,}                         # Google
    | \bSG\.[\w-]{16,}\.[\w-]{16,}                                   # SendGrid
    | \beyJ[\w-]{8,}\.[\w-]{8,}\.[\w-]*                              # a JSON web token
    | \b(?:wandb_v1_|local-)[\w-]{20,}
    """,
    re.VERBOSE,
)
_USERINFO = re.compile(r"(?P<scheme>\b[a-zA-Z][a-zA-Z0-9+.-]*://)(?P<user>[^\s/@'\"]+)@")
_BEARER = re.compile(r"(?i)\b(?P<kind>bearer|basic|token)(?P<gap>\s+)(?=\S*\d)[\w.~+/=-]{8,}")
_ASSIGNED = re.compile(
    r"""(?P<name>[A-Za-z_][\w.-]*)(?P<sign>["']?\s*(?:=|:)\s*)(?P<value>"[^"\n]*"|'[^'\n]*'|[^\s&;,"'(){}\[\]]+)"""
)


def redact(text: str) -> str:
    """Return ``text`` without the secrets that can be told by their form or by the name before them."""
    text = _FORMS.sub(MARK, text)
    text = _USERINFO.sub(_address, text)
    text = _BEARER.sub(rf"\g<kind>\g<gap>{MARK}", text)
    return _ASSIGNED.sub(_assignment, text)


def redact_arguments(arguments: Iterable[str]) -> list[str]:
    """Return a command line without secrets; the word after ``--password`` is one."""
    made: list[str] = []
    hide = False
    for argument in arguments:
        if hide and not argument.startswith("-"):
            made.append(MARK)
            hide = False
            continue
        made.append(redact(argument))
        hide = argument.startswith("-") and "=" not in argument and is_secret(argument)
    return made


def is_secret(name: str) -> bool:
    """Whether what has this name is a secret: "DB_PASSWORD" and "apiKey", not "max_tokens", "tokenizer"."""
    words = [word.lower() for word in _WORD.findall(name)]
    if any(word in _SECRET for word in words):
        return True
    return any(word == "key" and before in _OF_A_KEY for before, word in itertools.pairwise(words))


def _assignment(match: re.Match[str]) -> str:
    value = match["value"]
    if not is_secret(match["name"]) or len(value) < 3 or value.startswith((MARK, "//")):
        return match[0]
    quote = value[0] if value[0] in "\"'" else ""
    return f"{match['name']}{match['sign']}{quote}{MARK}{quote}"


def _address(match: re.Match[str]) -> str:
    user = match["user"]
    is_plain_user = match["scheme"].lower() in ("ssh://", "git+ssh://", "sftp://") and ":" not in user
    return f"{match['scheme']}{user}@" if is_plain_user else match["scheme"] + MARK + "@"
