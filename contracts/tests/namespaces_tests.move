#[test_only]
module daasvader::namespaces_tests;

use daasvader::fixture::bytes;
use daasvader::namespaces;
use std::string::String;
use std::unit_test::assert_eq;

const USER: address = @0x7;
const FIRST: vector<u8> = b"u-aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaadq";

fun with(suffix: vector<u8>): String {
    let mut namespace = FIRST;
    namespace.append(suffix);
    namespace.to_string()
}

// Vectors that the enclave's own names have as well.
#[test]
fun a_namespace_holds_the_whole_address() {
    assert_eq!(namespaces::first_of(USER), FIRST.to_string());
    assert_eq!(
        namespaces::first_of(@0xffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff),
        b"u-777777777777777777777777777777777777777777777777777q".to_string(),
    );
    assert_eq!(
        namespaces::first_of(@0x000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f),
        b"u-aaaqeayeaudaocajbifqydiob4ibceqtcqkrmfyydenbwha5dypq".to_string(),
    );
}

#[test]
fun a_suffix_is_taken_off() {
    vector[b"", b"-x", b"-12345678", b"x"].do!(
        |suffix| assert_eq!(namespaces::without_suffix(&with(suffix)), FIRST.to_string()),
    );
}

#[test]
fun what_is_no_label_is_nobodys_namespace() {
    let mut short = FIRST;
    short.pop_back();
    // Of the last one, a character reaches over the length of a first namespace.
    let mut wide = short;
    wide.append(x"c3a9");
    vector[b"", b"u-", b"default", b"kube-system", x"c3a9", short, wide, bytes(300, 97)].do!(
        |text| assert_eq!(namespaces::without_suffix(&text.to_string()), b"".to_string()),
    );
    assert_eq!(namespaces::without_suffix(&with(b"-a/b")), b"".to_string());
}

#[test]
fun a_further_namespace_has_a_hyphen_and_up_to_8_characters() {
    vector[b"-x", b"-1", b"-a-b", b"-12345678"].do!(|suffix| assert!(namespaces::is_further(&with(suffix), USER)));
    vector[b"", b"-", b"x", b"-x-", b"--", b"-X", b"-a.b", b"-a b", b"-123456789", x"2dc3a9"].do!(
        |suffix| assert!(!namespaces::is_further(&with(suffix), USER)),
    );
    vector[b"", b"default", b"kube-system", b"u-", bytes(56, 97)].do!(
        |text| assert!(!namespaces::is_further(&text.to_string(), USER)),
    );
}

#[test]
fun nobody_has_the_further_namespaces_of_another() {
    assert!(!namespaces::is_further(&with(b"-x"), @0x8));
}

#[test]
fun each_role_has_its_number_of_further_namespaces() {
    vector[0, 1, 2].do!(|role| assert_eq!(namespaces::most_for(role), 0));
    assert_eq!(namespaces::most_for(3), 4);
    assert_eq!(namespaces::most_for(4), 16);
}
