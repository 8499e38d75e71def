#[test_only]
/// Who may not act as the operator, for every function of the operator.
module daasvader::operator_tests;

use daasvader::enclave_registry::{Self, Enclave, EnclaveRegistry};
use daasvader::fixture::{Self, Fixture, by, bytes, pcr};
use daasvader::heartbeat;
use daasvader::k8s_scheduler;
use daasvader::worker_registry;
use std::unit_test::destroy;

const PROVIDER: address = @0x9;
const USER: address = @0x7;
const STRANGER: address = @0x5;

/// Somebody with an enclave who tries the operator's functions on `f`.
public struct Caller {
    f: Fixture,
    /// The cluster whose registry is passed, when it is not that of `f`.
    foreign: Option<Fixture>,
    enclave: Enclave,
    sender: address,
}

/// An operated cluster with an active worker `w1` and a request 1 that is pending.
fun working(): (Fixture, Enclave) {
    let (mut f, enclave) = fixture::seated();
    f.add_active(&enclave, PROVIDER, b"w1", b"a");
    f.add_user(USER, fixture::sui(2));
    f.submit(USER);
    (f, enclave)
}

fun operator(): Caller {
    let (f, enclave) = working();
    Caller { f, foreign: option::none(), enclave, sender: fixture::operator() }
}

/// The owner of the worker, with the enclave in the seat.
fun owner(): Caller {
    let (f, enclave) = working();
    Caller { f, foreign: option::none(), enclave, sender: PROVIDER }
}

/// The operator of a genuine enclave that nobody seated.
fun unseated(): Caller {
    let (mut f, seated) = working();
    let enclave = f.registered(STRANGER, 70);
    destroy(seated);
    Caller { f, foreign: option::none(), enclave, sender: STRANGER }
}

/// The operator, after another enclave took the seat.
fun replaced(): Caller {
    let (mut f, enclave) = working();
    let second = f.registered(STRANGER, 70);
    let (registry, _, clock) = f.registry();
    registry.take_seat(&second, clock, &by(fixture::host(), 71));
    destroy(second);
    Caller { f, foreign: option::none(), enclave, sender: fixture::operator() }
}

/// The operator, after the image was retired.
fun retired(): Caller {
    let (mut f, enclave) = working();
    let (registry, cap, clock) = f.registry();
    registry.propose_measurement(cap, b"v2".to_string(), pcr(9), pcr(2), pcr(3), clock, &by(@0xAD, 70));
    registry.retire_measurement(cap, b"v1".to_string(), clock);
    Caller { f, foreign: option::none(), enclave, sender: fixture::operator() }
}

/// The operator, after the seat was revoked.
fun revoked(): Caller {
    let (mut f, enclave) = working();
    let (registry, cap, clock) = f.registry();
    registry.revoke_seat(cap, clock);
    Caller { f, foreign: option::none(), enclave, sender: fixture::operator() }
}

/// The operator of another cluster, with its enclave in front of this registry.
fun foreign_enclave(): Caller {
    let (f, own) = working();
    let (other, enclave) = other_cluster();
    destroy(own);
    other.end();
    Caller { f, foreign: option::none(), enclave, sender: fixture::operator() }
}

/// The operator of another cluster, with its own registry.
fun foreign_registry(): Caller {
    let (f, own) = working();
    let (other, enclave) = other_cluster();
    destroy(own);
    Caller { f, foreign: option::some(other), enclave, sender: fixture::operator() }
}

fun other_cluster(): (Fixture, Enclave) {
    let mut f = fixture::other();
    f.configure();
    let enclave = f.registered(fixture::operator(), 80);
    let (registry, _, clock) = f.registry();
    registry.take_seat(&enclave, clock, &by(fixture::host(), 81));
    (f, enclave)
}

/// The registry that a caller passes.
fun registry_of(own: &EnclaveRegistry, foreign: &Option<Fixture>): &EnclaveRegistry {
    if (foreign.is_some()) foreign.borrow().its_registry() else own
}

fun end(f: Fixture, foreign: Option<Fixture>, enclave: Enclave) {
    f.end_all(enclave);
    destroy(foreign);
}

fun activate(caller: Caller) {
    let Caller { mut f, foreign, enclave, sender } = caller;
    f.add_worker(PROVIDER, b"w2", b"b");
    let (workers, registry, clock) = f.workers();
    let registry = registry_of(registry, &foreign);
    workers.activate_worker(registry, &enclave, b"w2".to_string(), clock, &by(sender, 90));
    end(f, foreign, enclave);
}

#[test]
fun the_operator_may_activate_a_worker() {
    activate(operator())
}

#[test, expected_failure(abort_code = enclave_registry::ENotOperator)]
fun a_worker_owner_does_not_activate_a_worker() {
    activate(owner())
}

#[test, expected_failure(abort_code = enclave_registry::ENotSeated)]
fun an_enclave_out_of_the_seat_does_not_activate_a_worker() {
    activate(unseated())
}

#[test, expected_failure(abort_code = enclave_registry::ENotSeated)]
fun a_replaced_enclave_does_not_activate_a_worker() {
    activate(replaced())
}

#[test, expected_failure(abort_code = enclave_registry::ENotSeated)]
fun after_a_revocation_nobody_may_activate_a_worker() {
    activate(revoked())
}

#[test, expected_failure(abort_code = enclave_registry::ENotMeasured)]
fun after_a_retirement_nobody_may_activate_a_worker() {
    activate(retired())
}

#[test, expected_failure(abort_code = enclave_registry::EWrongCluster)]
fun an_enclave_of_another_cluster_does_not_activate_a_worker() {
    activate(foreign_enclave())
}

#[test, expected_failure(abort_code = worker_registry::EWrongCluster)]
fun the_registry_of_another_cluster_does_not_let_activate_a_worker() {
    activate(foreign_registry())
}

fun set_status(caller: Caller) {
    let Caller { mut f, foreign, enclave, sender } = caller;
    let (workers, registry, clock) = f.workers();
    let registry = registry_of(registry, &foreign);
    workers.set_worker_status(registry, &enclave, b"w1".to_string(), 3, clock, &by(sender, 90));
    end(f, foreign, enclave);
}

#[test]
fun the_operator_may_set_a_status() {
    set_status(operator())
}

#[test, expected_failure(abort_code = enclave_registry::ENotOperator)]
fun a_worker_owner_does_not_set_a_status() {
    set_status(owner())
}

#[test, expected_failure(abort_code = enclave_registry::ENotSeated)]
fun an_enclave_out_of_the_seat_does_not_set_a_status() {
    set_status(unseated())
}

#[test, expected_failure(abort_code = enclave_registry::ENotSeated)]
fun a_replaced_enclave_does_not_set_a_status() {
    set_status(replaced())
}

#[test, expected_failure(abort_code = enclave_registry::ENotSeated)]
fun after_a_revocation_nobody_may_set_a_status() {
    set_status(revoked())
}

#[test, expected_failure(abort_code = enclave_registry::ENotMeasured)]
fun after_a_retirement_nobody_may_set_a_status() {
    set_status(retired())
}

#[test, expected_failure(abort_code = enclave_registry::EWrongCluster)]
fun an_enclave_of_another_cluster_does_not_set_a_status() {
    set_status(foreign_enclave())
}

#[test, expected_failure(abort_code = worker_registry::EWrongCluster)]
fun the_registry_of_another_cluster_does_not_let_set_a_status() {
    set_status(foreign_registry())
}

fun set_join_token(caller: Caller) {
    let Caller { mut f, foreign, enclave, sender } = caller;
    let (workers, registry, clock) = f.workers();
    let registry = registry_of(registry, &foreign);
    workers.set_join_token(registry, &enclave, b"w1".to_string(), b"ciphertext", clock, &by(sender, 90));
    end(f, foreign, enclave);
}

#[test]
fun the_operator_may_set_a_join_token() {
    set_join_token(operator())
}

#[test, expected_failure(abort_code = enclave_registry::ENotOperator)]
fun a_worker_owner_does_not_set_a_join_token() {
    set_join_token(owner())
}

#[test, expected_failure(abort_code = enclave_registry::ENotSeated)]
fun an_enclave_out_of_the_seat_does_not_set_a_join_token() {
    set_join_token(unseated())
}

#[test, expected_failure(abort_code = enclave_registry::ENotSeated)]
fun a_replaced_enclave_does_not_set_a_join_token() {
    set_join_token(replaced())
}

#[test, expected_failure(abort_code = enclave_registry::ENotSeated)]
fun after_a_revocation_nobody_may_set_a_join_token() {
    set_join_token(revoked())
}

#[test, expected_failure(abort_code = enclave_registry::ENotMeasured)]
fun after_a_retirement_nobody_may_set_a_join_token() {
    set_join_token(retired())
}

#[test, expected_failure(abort_code = enclave_registry::EWrongCluster)]
fun an_enclave_of_another_cluster_does_not_set_a_join_token() {
    set_join_token(foreign_enclave())
}

#[test, expected_failure(abort_code = worker_registry::EWrongCluster)]
fun the_registry_of_another_cluster_does_not_let_set_a_join_token() {
    set_join_token(foreign_registry())
}

fun slash(caller: Caller) {
    let Caller { mut f, foreign, enclave, sender } = caller;
    let (workers, registry, clock) = f.workers();
    let registry = registry_of(registry, &foreign);
    workers.slash(registry, &enclave, b"w1".to_string(), 1, bytes(32, 1), 5_000, clock, &by(sender, 90));
    end(f, foreign, enclave);
}

#[test]
fun the_operator_may_slash() {
    slash(operator())
}

#[test, expected_failure(abort_code = enclave_registry::ENotOperator)]
fun a_worker_owner_does_not_slash() {
    slash(owner())
}

#[test, expected_failure(abort_code = enclave_registry::ENotSeated)]
fun an_enclave_out_of_the_seat_does_not_slash() {
    slash(unseated())
}

#[test, expected_failure(abort_code = enclave_registry::ENotSeated)]
fun a_replaced_enclave_does_not_slash() {
    slash(replaced())
}

#[test, expected_failure(abort_code = enclave_registry::ENotSeated)]
fun after_a_revocation_nobody_may_slash() {
    slash(revoked())
}

#[test, expected_failure(abort_code = enclave_registry::ENotMeasured)]
fun after_a_retirement_nobody_may_slash() {
    slash(retired())
}

#[test, expected_failure(abort_code = enclave_registry::EWrongCluster)]
fun an_enclave_of_another_cluster_does_not_slash() {
    slash(foreign_enclave())
}

#[test, expected_failure(abort_code = worker_registry::EWrongCluster)]
fun the_registry_of_another_cluster_does_not_let_slash() {
    slash(foreign_registry())
}

fun start(caller: Caller) {
    let Caller { mut f, foreign, enclave, sender } = caller;
    let (scheduler, registry, clock) = f.operated();
    let registry = registry_of(registry, &foreign);
    scheduler.start_request(registry, &enclave, 1, clock, &by(sender, 90));
    end(f, foreign, enclave);
}

#[test]
fun the_operator_may_start_a_request() {
    start(operator())
}

#[test, expected_failure(abort_code = enclave_registry::ENotOperator)]
fun a_worker_owner_does_not_start_a_request() {
    start(owner())
}

#[test, expected_failure(abort_code = enclave_registry::ENotSeated)]
fun an_enclave_out_of_the_seat_does_not_start_a_request() {
    start(unseated())
}

#[test, expected_failure(abort_code = enclave_registry::ENotSeated)]
fun a_replaced_enclave_does_not_start_a_request() {
    start(replaced())
}

#[test, expected_failure(abort_code = enclave_registry::ENotSeated)]
fun after_a_revocation_nobody_may_start_a_request() {
    start(revoked())
}

#[test, expected_failure(abort_code = enclave_registry::ENotMeasured)]
fun after_a_retirement_nobody_may_start_a_request() {
    start(retired())
}

#[test, expected_failure(abort_code = enclave_registry::EWrongCluster)]
fun an_enclave_of_another_cluster_does_not_start_a_request() {
    start(foreign_enclave())
}

#[test, expected_failure(abort_code = k8s_scheduler::EWrongCluster)]
fun the_registry_of_another_cluster_does_not_let_start_a_request() {
    start(foreign_registry())
}

fun complete(caller: Caller) {
    let Caller { mut f, foreign, enclave, sender } = caller;
    let (scheduler, registry, clock) = f.operated();
    let registry = registry_of(registry, &foreign);
    scheduler.complete_request(registry, &enclave, 1, bytes(32, 1), clock, &by(sender, 90));
    end(f, foreign, enclave);
}

#[test]
fun the_operator_may_complete_a_request() {
    complete(operator())
}

#[test, expected_failure(abort_code = enclave_registry::ENotOperator)]
fun a_worker_owner_does_not_complete_a_request() {
    complete(owner())
}

#[test, expected_failure(abort_code = enclave_registry::ENotSeated)]
fun an_enclave_out_of_the_seat_does_not_complete_a_request() {
    complete(unseated())
}

#[test, expected_failure(abort_code = enclave_registry::ENotSeated)]
fun a_replaced_enclave_does_not_complete_a_request() {
    complete(replaced())
}

#[test, expected_failure(abort_code = enclave_registry::ENotSeated)]
fun after_a_revocation_nobody_may_complete_a_request() {
    complete(revoked())
}

#[test, expected_failure(abort_code = enclave_registry::ENotMeasured)]
fun after_a_retirement_nobody_may_complete_a_request() {
    complete(retired())
}

#[test, expected_failure(abort_code = enclave_registry::EWrongCluster)]
fun an_enclave_of_another_cluster_does_not_complete_a_request() {
    complete(foreign_enclave())
}

#[test, expected_failure(abort_code = k8s_scheduler::EWrongCluster)]
fun the_registry_of_another_cluster_does_not_let_complete_a_request() {
    complete(foreign_registry())
}

fun fail(caller: Caller) {
    let Caller { mut f, foreign, enclave, sender } = caller;
    let (scheduler, registry, clock) = f.operated();
    let registry = registry_of(registry, &foreign);
    scheduler.fail_request(registry, &enclave, 1, b"no".to_string(), true, clock, &by(sender, 90));
    end(f, foreign, enclave);
}

#[test]
fun the_operator_may_fail_a_request() {
    fail(operator())
}

#[test, expected_failure(abort_code = enclave_registry::ENotOperator)]
fun a_worker_owner_does_not_fail_a_request() {
    fail(owner())
}

#[test, expected_failure(abort_code = enclave_registry::ENotSeated)]
fun an_enclave_out_of_the_seat_does_not_fail_a_request() {
    fail(unseated())
}

#[test, expected_failure(abort_code = enclave_registry::ENotSeated)]
fun a_replaced_enclave_does_not_fail_a_request() {
    fail(replaced())
}

#[test, expected_failure(abort_code = enclave_registry::ENotSeated)]
fun after_a_revocation_nobody_may_fail_a_request() {
    fail(revoked())
}

#[test, expected_failure(abort_code = enclave_registry::ENotMeasured)]
fun after_a_retirement_nobody_may_fail_a_request() {
    fail(retired())
}

#[test, expected_failure(abort_code = enclave_registry::EWrongCluster)]
fun an_enclave_of_another_cluster_does_not_fail_a_request() {
    fail(foreign_enclave())
}

#[test, expected_failure(abort_code = k8s_scheduler::EWrongCluster)]
fun the_registry_of_another_cluster_does_not_let_fail_a_request() {
    fail(foreign_registry())
}

fun reassign(caller: Caller) {
    let Caller { mut f, foreign, enclave, sender } = caller;
    let (scheduler, workers, registry, clock) = f.reassigned();
    let registry = registry_of(registry, &foreign);
    scheduler.reassign_request(workers, registry, &enclave, 1, clock, &by(sender, 90));
    end(f, foreign, enclave);
}

#[test]
fun the_operator_may_reassign_a_request() {
    reassign(operator())
}

#[test, expected_failure(abort_code = enclave_registry::ENotOperator)]
fun a_worker_owner_does_not_reassign_a_request() {
    reassign(owner())
}

#[test, expected_failure(abort_code = enclave_registry::ENotSeated)]
fun an_enclave_out_of_the_seat_does_not_reassign_a_request() {
    reassign(unseated())
}

#[test, expected_failure(abort_code = enclave_registry::ENotSeated)]
fun a_replaced_enclave_does_not_reassign_a_request() {
    reassign(replaced())
}

#[test, expected_failure(abort_code = enclave_registry::ENotSeated)]
fun after_a_revocation_nobody_may_reassign_a_request() {
    reassign(revoked())
}

#[test, expected_failure(abort_code = enclave_registry::ENotMeasured)]
fun after_a_retirement_nobody_may_reassign_a_request() {
    reassign(retired())
}

#[test, expected_failure(abort_code = enclave_registry::EWrongCluster)]
fun an_enclave_of_another_cluster_does_not_reassign_a_request() {
    reassign(foreign_enclave())
}

#[test, expected_failure(abort_code = k8s_scheduler::EWrongCluster)]
fun the_registry_of_another_cluster_does_not_let_reassign_a_request() {
    reassign(foreign_registry())
}

fun settle(caller: Caller) {
    let Caller { mut f, foreign, enclave, sender } = caller;
    let (scheduler, registry, clock) = f.operated();
    scheduler.cancel_request(1, clock, &by(USER, 91));
    let registry = registry_of(registry, &foreign);
    scheduler.settle_cancelled_request(registry, &enclave, 1, 0, clock, &by(sender, 90));
    end(f, foreign, enclave);
}

#[test]
fun the_operator_may_settle_a_cancelled_request() {
    settle(operator())
}

#[test, expected_failure(abort_code = enclave_registry::ENotOperator)]
fun a_worker_owner_does_not_settle_a_cancelled_request() {
    settle(owner())
}

#[test, expected_failure(abort_code = enclave_registry::ENotSeated)]
fun an_enclave_out_of_the_seat_does_not_settle_a_cancelled_request() {
    settle(unseated())
}

#[test, expected_failure(abort_code = enclave_registry::ENotSeated)]
fun a_replaced_enclave_does_not_settle_a_cancelled_request() {
    settle(replaced())
}

#[test, expected_failure(abort_code = enclave_registry::ENotSeated)]
fun after_a_revocation_nobody_may_settle_a_cancelled_request() {
    settle(revoked())
}

#[test, expected_failure(abort_code = enclave_registry::ENotMeasured)]
fun after_a_retirement_nobody_may_settle_a_cancelled_request() {
    settle(retired())
}

#[test, expected_failure(abort_code = enclave_registry::EWrongCluster)]
fun an_enclave_of_another_cluster_does_not_settle_a_cancelled_request() {
    settle(foreign_enclave())
}

#[test, expected_failure(abort_code = k8s_scheduler::EWrongCluster)]
fun the_registry_of_another_cluster_does_not_let_settle_a_cancelled_request() {
    settle(foreign_registry())
}

fun beat(caller: Caller) {
    let Caller { mut f, mut foreign, enclave, sender } = caller;
    let (own, workers, staking, scheduler, clock) = f.all();
    let registry = if (foreign.is_some()) foreign.borrow_mut().its_registry_mut() else own;
    heartbeat::heartbeat(registry, &enclave, workers, staking, scheduler, bytes(32, 1), clock, &by(sender, 90));
    end(f, foreign, enclave);
}

#[test]
fun the_operator_may_send_a_heartbeat() {
    beat(operator())
}

#[test, expected_failure(abort_code = enclave_registry::ENotOperator)]
fun a_worker_owner_does_not_send_a_heartbeat() {
    beat(owner())
}

#[test, expected_failure(abort_code = enclave_registry::ENotSeated)]
fun an_enclave_out_of_the_seat_does_not_send_a_heartbeat() {
    beat(unseated())
}

#[test, expected_failure(abort_code = enclave_registry::ENotSeated)]
fun a_replaced_enclave_does_not_send_a_heartbeat() {
    beat(replaced())
}

#[test, expected_failure(abort_code = enclave_registry::ENotSeated)]
fun after_a_revocation_nobody_may_send_a_heartbeat() {
    beat(revoked())
}

#[test, expected_failure(abort_code = enclave_registry::ENotMeasured)]
fun after_a_retirement_nobody_may_send_a_heartbeat() {
    beat(retired())
}

#[test, expected_failure(abort_code = enclave_registry::EWrongCluster)]
fun an_enclave_of_another_cluster_does_not_send_a_heartbeat() {
    beat(foreign_enclave())
}

#[test, expected_failure(abort_code = heartbeat::EWrongCluster)]
fun the_registry_of_another_cluster_does_not_let_send_a_heartbeat() {
    beat(foreign_registry())
}
