"""Providers and importers are found by convention, and a wrong one stops the start."""

from dataclasses import replace

import pytest

from bursar.domain.connections import ProviderAuthType, ProviderCategory
from bursar.importers.ofx.adapter import IMPORTER
from bursar.providers.plaid.adapter import PROVIDER
from bursar.registry import Registry, RegistryError


def test_everything_is_found_with_files_and_apis_in_one_catalogue() -> None:
    registry = Registry.discover()
    assert {"plaid", "ofx_file", "chase_file"} <= set(registry.get_all_provider_slugs())
    entry = registry.get_provider_metadata("ofx_file")
    assert (entry.auth_type, entry.credential_type) == (ProviderAuthType.FILE_IMPORT, "file_import")
    assert registry.get_statistics()["total"] == len(registry.entries)
    assert entry in registry.get_providers_by_category(ProviderCategory.BANK)


def test_other_addresses_of_clients_are_no_provider() -> None:
    from bursar.providers.banking.plaid_client import PlaidClient
    from bursar.providers.plaid import PlaidClient as AtHome

    assert PlaidClient is AtHome
    assert "banking" not in Registry.discover().providers


@pytest.mark.parametrize("slug", Registry.discover().get_all_provider_slugs())
def test_every_entry_is_complete(slug: str) -> None:
    entry = Registry.discover().get_provider_metadata(slug)
    assert entry.display_name
    assert entry.capabilities
    assert isinstance(entry.required_settings, tuple)
    assert isinstance(entry.category, ProviderCategory)


def test_an_unknown_slug_is_an_error_that_lists_the_known_ones() -> None:
    registry = Registry.discover()
    with pytest.raises(ValueError, match=r"Unknown provider: 'nobody'.*plaid"):
        registry.get_provider_metadata("nobody")
    assert registry.find_provider_metadata("nobody") is None


def test_two_declarations_of_one_slug_stop_the_start() -> None:
    with pytest.raises(RegistryError, match="share the slug"):
        Registry([PROVIDER, replace(PROVIDER)], [])
    with pytest.raises(RegistryError, match="share the slug"):
        Registry([replace(PROVIDER, slug="ofx_file")], [IMPORTER])


def test_content_decides_which_importer_reads_a_file() -> None:
    registry = Registry.discover()
    found = registry.recognise(b"OFXHEADER:100\nDATA:OFXSGML\n\n<OFX>")
    assert found is not None
    assert found.slug == "ofx"
    assert registry.recognise(b"<!DOCTYPE html><html>") is None
    assert registry.recognise(b"") is None
