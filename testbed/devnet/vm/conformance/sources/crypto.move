/// Hashes and signatures.
module conformance::crypto;

use sui::ed25519::ed25519_verify;
use sui::hash;

/// RFC 8032, section 7.1, test 2.
const KEY: vector<u8> = x"3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c";
const SIGNATURE: vector<u8> =
    x"92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00";

#[test]
fun blake2b() {
    assert!(hash::blake2b256(&b"abc") == x"bddd813c634239723171ef3fee98579b94964e3bb1cb3e427262c8c068d52319");
}

#[test]
fun keccak() {
    assert!(hash::keccak256(&b"abc") == x"4e03657aea45a94fc7d47ba826c8d667c0d1e6e33a64a036ec44f58fa12d6c45");
}

#[test]
fun a_signature_verifies() {
    assert!(ed25519_verify(&SIGNATURE, &KEY, &x"72"));
}

#[test]
fun a_signature_of_another_message_does_not() {
    assert!(!ed25519_verify(&SIGNATURE, &KEY, &x"73"));
}

#[test]
fun what_is_no_signature_does_not() {
    assert!(!ed25519_verify(&b"short", &KEY, &x"72"));
}

#[test]
fun what_is_no_key_does_not() {
    assert!(!ed25519_verify(&SIGNATURE, &b"short", &x"72"));
}

#[test]
fun a_key_that_is_no_point_does_not() {
    assert!(!ed25519_verify(&SIGNATURE, &x"0200000000000000000000000000000000000000000000000000000000000000", &x"72"));
}

#[test]
fun a_signature_whose_scalar_is_too_large_does_not() {
    let mut signature = SIGNATURE;
    *(&mut signature[63]) = 0xff;
    assert!(!ed25519_verify(&signature, &KEY, &x"72"));
}
