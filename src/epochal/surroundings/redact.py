"""Taking secrets out of what is noted: command lines, addresses, changes of code.

What a name gives away (``--api-key``, ``password=``) and what a form gives away (``ghp_...``, ``user:pass@``)
is replaced by ``***``. A word too many is better than a key in a journal; a "tokenizer" is no token, though.
Every expression takes time linear in the text: a diff may have a megabyte, and anybody may have written it.
"""

from __future__ import annotations

import itertools
import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

MARK = "***"

_WORD = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|\d+")
_ALWAYS = {
    "apikey",
    "authorization",
    "credential",
    "credentials",
    "passphrase",
    "passwd",
    "password",
    "secret",
}
_AT_THE_END = {"auth", "bearer", "cookie", "jwt", "pass", "passcode", "pwd", "sas", "secrets", "sig", "token"}
_OF_A_KEY = {
    "access",
    "account",
    "api",
    "auth",
    "encryption",
    "license",
    "master",
    "private",
    "signing",
    "ssh",
}
_TYPES = {
    "Any",
    "None",
    "Optional",
    "SecretStr",
    "bool",
    "bytes",
    "false",
    "int",
    "null",
    "str",
    "string",
    "true",
}
_FORMS = re.compile(
    r"""
      -----BEGIN[ ][A-Z ]{0,40}PRIVATE[ ]KEY-----[\s\S]*?(?:-----END[ ][A-Z ]{0,40}PRIVATE[ ]KEY-----|\Z)
    | (?<![\w.-])(?:
        (?:AKIA|ASIA)[0-9A-Z]{16}\b                                        # AWS
      | (?:gh[pousr]_|github_pat_|glpat-|gldt-|npm_|pypi-|dckr_pat_|hf_|shpat_|xox[abeoprs]-)[\w-]{10,}
      | (?:sk|rk|pk)[-_](?:live[-_]|test[-_]|proj-|ant-|or-)?[\w-]{16,}    # OpenAI, Anthropic, Stripe
      | AIza[\w-]{30,} | ya29\.[\w.-]{20,}                                 # Google
      | SG\.[\w-]{16,}\.[\w-]{16,}                                         # SendGrid
      | eyJ[\w-]{8,}\.[\w-]{8,}\.[\w-]*                                    # a JSON web token
      | wandb_v1_[\w-]{20,}
      )
    """,
    re.VERBOSE,
)
_USERINFO = re.compile(r"(?<![\w+.-])(?P<scheme>[a-zA-Z][a-zA-Z0-9+.-]{0,20}://)(?P<user>[^\s/@'\"]{1,512})@")
_BEARER = re.compile(r"(?i)\b(?P<kind>bearer|basic|token)(?P<gap>\s{1,8})(?=\S{0,100}\d)[\w.~+/=-]{8,}")
_NAMED = re.compile(r"""(?<![\w.-])(?P<name>[\w.-]+)["']?[ \t]{0,8}[=:][ \t]{0,8}""")
_VALUE = re.compile(r""""[^"\n]*"|'[^'\n]*'|[^\s&;,"'(){}\[\]]+(?P<call>[(\[])?""")


def redact(text: str) -> str:
    """Return ``text`` without the secrets that can be told by their form or by the name before them."""
    text = _FORMS.sub(MARK, text)
    text = _USERINFO.sub(_address, text)
    text = _BEARER.sub(rf"\g<kind>\g<gap>{MARK}", text)
    return _without_named(text)


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
    if not words:
        return False
    if words[-1] in _AT_THE_END or not _ALWAYS.isdisjoint(words):
        return True
    return any(word == "key" and before in _OF_A_KEY for before, word in itertools.pairwise(words))


def _without_named(text: str) -> str:
    parts, done = [], 0
    for named in _NAMED.finditer(text):
        if named.start() < done or not is_secret(named["name"]):
            continue
        value = _VALUE.match(text, named.end())
        if value is None or not _may_be_secret(value):
            continue
        quote = value[0][0] if value[0][0] in "\"'" else ""
        parts += [text[done : named.end()], quote, MARK, quote]
        done = value.end()
    return "".join([*parts, text[done:]])


def _may_be_secret(value: re.Match[str]) -> bool:
    """Not a call, a type, a small number, an address (which `_USERINFO` has seen to), or hidden already."""
    text = value[0].strip("\"'")
    if value["call"] or text in _TYPES or text.startswith((MARK, "//")):
        return False
    return len(text) >= 6 if text.isdigit() else len(text) >= 3


def _address(match: re.Match[str]) -> str:
    user = match["user"]
    is_plain_user = match["scheme"].lower() in ("ssh://", "git+ssh://", "sftp://") and ":" not in user
    return f"{match['scheme']}{user}@" if is_plain_user else match["scheme"] + MARK + "@"
