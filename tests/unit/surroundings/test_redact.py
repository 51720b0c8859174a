"""Planted secrets are found, and what only looks a little like one stays."""

import pytest
from hypothesis import given, strategies

from epochal.surroundings.redact import is_secret, redact, redact_arguments

S = "Zq7x9K2mWv4bT8nR"  # stands in every planted secret
PLANTED = {
    "option": f"--password={S}",
    "quoted option": f"--password='{S}'",
    "environment": f"export DB_PASSWORD={S}",
    "camel": f"apiKey: {S}",
    "json": f'{{"client_secret": "{S}"}}',
    "python": f"+    openai_api_key = '{S}'",
    "hydra": f"trainer.auth_token={S}",
    "url password": f"postgresql://epochal:{S}@db:5432/x",
    "url user": f"https://{S}@github.com/a/b.git",
    "query": f"https://host/blob?id=3&sig={S}&x=1",
    "header": f"Authorization: Bearer {S}",
    "bearer": f"curl -H 'authorization: bearer {S}'",
    "github": f"ghp_{S}{S}",
    "github fine": f"github_pat_11AA{S}_{S}",
    "gitlab": f"glpat-{S}",
    "aws": "AKIA" + "Z7" * 8,
    "openai": f"sk-proj-{S}{S}",
    "anthropic": f"sk-ant-api03-{S}",
    "huggingface": f"hf_{S}{S}",
    "slack": f"xoxb-123-{S}",
    "google": f"AIza{S}{S}abc",
    "jwt": f"eyJhbGciOiJI.eyJzdWIi{S}.{S}",
    "pem": f"-----BEGIN RSA PRIVATE KEY-----\n{S}\n-----END RSA PRIVATE KEY-----",
    "pem, cut": f"-----BEGIN PRIVATE KEY-----\n{S}\n",
    "stripe": f"sk_live_{S}",
}
HARMLESS = [
    "--max-tokens=4096",
    "--tokenizer=bert-base",
    "--learning-rate=1e-3",
    "python train.py --epochs 3",
    "sk-learn",
    "passes=3",
    "authors=me",
    "key=value",
    "https://github.com/a/b.git",
    "ssh://git@github.com/a/b",
    "git@github.com:a/b.git",
    "token_count: 12345",
    "keyboard: 'qwerty'",
    "num_secretaries = 3",
    "9e3b4c1a2f9e3b4c1a2f9e3b4c1a2f9e3b4c1a2f",
    "a:b@c",
    "tokens per second: 1234.5",
    "a basic example",
    "pad_token = 50256",
    "def f(token: str, auth: Optional[str])",
    "token = tokenizer.encode(text)",
    "token_url: a.b",
    "monkey = 'banana'",
    "from transformers import AutoTokenizer",
]


@pytest.mark.parametrize("text", PLANTED.values(), ids=PLANTED)
def test_a_planted_secret_is_found(text):
    for shown in (redact(text), redact(f"some words {text} and more"), redact(f"+x = 1\n{text}\n-y = 2")):
        assert S not in shown
        assert "Z7Z7" not in shown
        assert "***" in shown


@pytest.mark.parametrize("text", HARMLESS)
def test_what_is_harmless_stays(text):
    assert redact(text) == text


def test_the_word_after_an_option_is_its_value():
    given_words = [
        "train.py",
        "--api-key",
        S,
        "--token",
        "--epochs",
        "3",
        "-p",
        "8080",
        f"--header=X-Auth: {S}",
    ]
    assert redact_arguments(given_words) == [
        "train.py",
        "--api-key",
        "***",
        "--token",
        "--epochs",
        "3",
        "-p",
        "8080",
        "--header=X-Auth: ***",
    ]


@pytest.mark.parametrize(
    "name", ["DB_PASSWORD", "apiKey", "access-key", "X-Auth-Token", "secret", "HF_TOKEN", "PWD"]
)
def test_names_of_secrets(name):
    assert is_secret(name)


@pytest.mark.parametrize(
    "name", ["max_tokens", "tokenizer", "key", "author", "passenger", "bypass", "public_key", ""]
)
def test_names_of_no_secrets(name):
    assert not is_secret(name)


@given(strategies.text())
def test_any_text_can_be_read(text):
    redact(redact(text))
    redact_arguments([text, text])


LONG = {
    "word": "a" * 1_000_000,
    "dots": "a." * 500_000,
    "names": "a.b=" * 250_000,
    "secrets": "token=" * 170_000,
    "web tokens": "eyJ-" * 250_000,
    "schemes": "https://" * 120_000,
    "users": "x://" + "a:" * 500_000,
    "keys": "-----BEGIN A" * 80_000,
    "blanks": "token" + " " * 1_000_000,
    "bearers": "bearer " * 140_000,
    "hf": "hf_" * 330_000,
    "signs": "password" + "=" * 1_000_000,
    "quotes": "password='" * 100_000,
}


@pytest.mark.parametrize("text", LONG.values(), ids=LONG)
def test_a_megabyte_takes_time_in_proportion(text):
    """A pattern that looks again at what it has seen would take minutes: its limit is the test's own."""
    redact(text)
