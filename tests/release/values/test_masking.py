"""Secrets are known by the names of their keys, or by their content."""

import pytest

from modelsystem_release.values import masking


@pytest.mark.parametrize(
    "path",
    [
        "env.BLOB_STORAGE_KEY",
        "storage.accountKey",
        "password",
        "db.adminPassword",
        "api_token",
        "blob.sasUrl",
        "AZURE_STORAGE_CONNECTION_STRING",
        "env.CLIENT_SECRET",
        "secret.value",
    ],
)
def test_secrets(path: str) -> None:
    """Keys, passwords, tokens and signatures, in every way of writing their names."""
    assert masking.is_secret(tuple(path.split(".")), "geheim")


@pytest.mark.parametrize(
    "path",
    [
        "image.tag",
        "secret.existing",
        "existingSecret",
        "secretName",
        "tolerations.key",
        "topologyKey",
        "env.BLOB_STORAGE_ACCOUNT",
        "env.TENANTID",
    ],
)
def test_values_that_are_not_secret(path: str) -> None:
    """The name of a Secret, and keys of other kinds, are shown."""
    assert not masking.is_secret(tuple(path.split(".")), "azure")


def test_a_connection_string_is_known_by_its_content() -> None:
    """Whatever the name of its key."""
    assert masking.is_secret(("env", "STORE"), "AccountName=a;AccountKey=k==")
    assert masking.is_secret(("env", "URL"), "https://a.example/c?sp=r&sig=abc")
    assert masking.is_secret(("env", "URL"), "https://user:word@a.example/")


def test_only_the_secrets_are_masked() -> None:
    """Others stay, in lists too; an empty value and a switch are not secret."""
    values = {
        "env": {"BLOB_STORAGE_KEY": "k==", "TENANTID": "t"},
        "extraEnv": [{"name": "A", "password": "p"}, "text"],
        "token": "",
        "automountServiceAccountToken": False,
    }
    assert masking.masked(values) == {
        "env": {"BLOB_STORAGE_KEY": "***", "TENANTID": "t"},
        "extraEnv": [{"name": "A", "password": "***"}, "text"],
        "token": "",
        "automountServiceAccountToken": False,
    }
    assert list(masking.secret_paths(values)) == [
        ("env", "BLOB_STORAGE_KEY"),
        ("extraEnv", "0", "password"),
    ]
