#[test_only]
module daasvader::manifest_reference_tests;

use daasvader::fixture::bytes;
use daasvader::manifest_reference;
use std::unit_test::assert_eq;

#[test]
fun it_is_json_with_both_in_hexadecimal() {
    assert_eq!(
        manifest_reference::to_json(&x"00ff1a", &b""),
        b"{\"apiVersion\":\"daasvader/v1\",\"kind\":\"ManifestReference\",\"sha256\":\"00ff1a\",\"walrusBlobId\":\"\"}",
    );
    assert_eq!(manifest_reference::to_json(&bytes(32, 1), &bytes(32, 2)).length(), 214);
}
