#[test_only]
module daasvader::active_workers_tests;

use daasvader::active_workers::{Self, ActiveWorkers};
use daasvader::fixture::by;
use std::unit_test::{assert_eq, destroy};

fun three(): ActiveWorkers {
    let mut active = active_workers::new(&mut by(@0x1, 0));
    active.add(b"a".to_string());
    active.add(b"b".to_string());
    active.add(b"c".to_string());
    active
}

fun assert_slots(active: &ActiveWorkers, expected: vector<vector<u8>>) {
    assert_eq!(active.length(), expected.length());
    let mut slot = 0;
    expected.do!(|node_id| {
        assert_eq!(active.at(slot), node_id.to_string());
        assert!(active.contains(node_id.to_string()));
        slot = slot + 1;
    });
}

#[test]
fun workers_stand_in_the_order_of_their_activation() {
    let active = three();
    assert_slots(&active, vector[b"a", b"b", b"c"]);
    destroy(active);
}

#[test]
fun a_worker_is_added_once() {
    let mut active = three();
    active.add(b"b".to_string());
    assert_slots(&active, vector[b"a", b"b", b"c"]);
    destroy(active);
}

#[test]
fun the_last_worker_moves_into_the_hole() {
    let mut active = three();
    active.remove(b"a".to_string());
    assert_slots(&active, vector[b"c", b"b"]);
    active.remove(b"c".to_string());
    assert_slots(&active, vector[b"b"]);
    active.add(b"a".to_string());
    assert_slots(&active, vector[b"b", b"a"]);
    destroy(active);
}

#[test]
fun removing_the_last_or_a_stranger_moves_nothing() {
    let mut active = three();
    active.remove(b"c".to_string());
    active.remove(b"z".to_string());
    assert_slots(&active, vector[b"a", b"b"]);
    assert!(!active.contains(b"c".to_string()));
    destroy(active);
}

#[test]
fun the_only_worker_can_be_removed() {
    let mut active = active_workers::new(&mut by(@0x1, 0));
    active.add(b"a".to_string());
    active.remove(b"a".to_string());
    assert_slots(&active, vector[]);
    destroy(active);
}
