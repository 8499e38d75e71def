#[test_only]
module daasvader::event_log_tests;

use daasvader::event_log;
use std::bcs;
use std::hash;
use std::type_name;
use std::unit_test::{assert_eq, destroy};
use sui::sui::SUI;

const ZERO_HEAD: vector<u8> = x"0000000000000000000000000000000000000000000000000000000000000000";

public struct ProbeEvent has copy, drop {
    log_id: ID,
    seq: u64,
    text: vector<u8>,
}

fun probe(seq: u64, text: vector<u8>): ProbeEvent {
    ProbeEvent { log_id: object::id_from_address(@0x1), seq, text }
}

fun fold(mut head: vector<u8>, event: ProbeEvent): vector<u8> {
    head.append(hash::sha2_256(bcs::to_bytes(&type_name::with_defining_ids<ProbeEvent>())));
    head.append(hash::sha2_256(bcs::to_bytes(&event)));
    hash::sha2_256(head)
}

#[test]
fun a_log_begins_with_a_head_of_zeros() {
    let log = event_log::new();
    assert_eq!(log.seq(), 0);
    assert_eq!(log.next_seq(), 1);
    assert_eq!(log.head(), ZERO_HEAD);
    destroy(log);
}

#[test]
fun each_event_is_folded_into_the_head() {
    let mut log = event_log::new();
    event_log::append!(&mut log, probe(1, b"one"));
    assert_eq!(log.seq(), 1);
    assert_eq!(log.head(), fold(ZERO_HEAD, probe(1, b"one")));
    event_log::append!(&mut log, probe(2, b"two"));
    assert_eq!(log.next_seq(), 3);
    assert_eq!(log.head(), fold(fold(ZERO_HEAD, probe(1, b"one")), probe(2, b"two")));
    destroy(log);
}

/// The vector that the TypeScript side asserts as well.
#[test]
fun the_head_has_the_bytes_of_the_shared_vector() {
    let mut log = event_log::new();
    log.record(type_name::with_defining_ids<SUI>(), b"one");
    log.record(type_name::with_defining_ids<ID>(), b"two");
    assert_eq!(log.head(), x"15df4830b273c666f30d62f2a67791276067a70d85c9bce0576d3405a67651ac");
    destroy(log);
}

#[test]
fun order_and_content_change_the_head() {
    let mut log = event_log::new();
    log.record(type_name::with_defining_ids<SUI>(), b"one");
    log.record(type_name::with_defining_ids<SUI>(), b"two");
    let mut swapped = event_log::new();
    swapped.record(type_name::with_defining_ids<SUI>(), b"two");
    swapped.record(type_name::with_defining_ids<SUI>(), b"one");
    assert!(log.head() != swapped.head());
    destroy(log);
    destroy(swapped);
}

/// Or a failure could be passed off as an assignment: both hold a number and a text.
#[test]
fun the_type_changes_the_head() {
    let mut log = event_log::new();
    log.record(type_name::with_defining_ids<ProbeEvent>(), b"one");
    let mut disguised = event_log::new();
    disguised.record(type_name::with_defining_ids<SUI>(), b"one");
    assert!(log.head() != disguised.head());
    destroy(log);
    destroy(disguised);
}
