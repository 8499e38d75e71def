#[test_only]
module daasvader::join_statement_tests;

use daasvader::join_statement::{Self, JoinStatement};
use daasvader::join_vectors as vectors;
use std::bcs;
use std::unit_test::assert_eq;

fun statement(node_id: vector<u8>, counter: u64, digest: vector<u8>): JoinStatement {
    join_statement::new(vectors::cluster_id(), node_id.to_string(), counter, digest)
}

fun is_signed(statement: JoinStatement, signature: vector<u8>): bool {
    statement.is_signed_by(&vectors::identity_key(), &signature)
}

#[test]
fun what_is_signed_are_the_bytes_that_the_agent_makes() {
    assert_eq!(bcs::to_bytes(&statement(b"worker-1", 5, vectors::first())), vectors::first_statement());
}

#[test]
fun a_signature_holds_for_its_own_join_alone() {
    let signature = vectors::first_signature();
    assert!(is_signed(statement(b"worker-1", 5, vectors::first()), signature));
    assert!(!is_signed(statement(b"worker-1", 5, vectors::second()), signature));
    assert!(!is_signed(statement(b"worker-1", 6, vectors::first()), signature));
    assert!(!is_signed(statement(b"worker-2", 5, vectors::first()), signature));
    let elsewhere = join_statement::new(@0x44.to_id(), b"worker-1".to_string(), 5, vectors::first());
    assert!(!is_signed(elsewhere, signature));
}

#[test]
fun a_signature_holds_for_its_own_key_alone() {
    let statement = statement(b"worker-1", 5, vectors::first());
    assert!(!statement.is_signed_by(&vectors::other_identity_key(), &vectors::first_signature()));
    assert!(!statement.is_signed_by(&vector[], &vectors::first_signature()));
}

#[test]
fun a_signature_has_its_length() {
    let mut signature = vectors::first_signature();
    signature.push_back(0);
    assert!(!is_signed(statement(b"worker-1", 5, vectors::first()), signature));
    assert!(!is_signed(statement(b"worker-1", 5, vectors::first()), vector[]));
}

#[test]
fun a_digest_of_another_length_counts_as_not_signed() {
    let mut cut = vectors::second();
    cut.pop_back();
    assert!(!is_signed(statement(b"worker-1", 5, cut), vectors::second_cut()));
}
