/// A log of events that can be checked from any source by whoever knows its head.
///
/// Every shared object that the enclave acts on holds a `Log`. Each of its events starts with the object's id and the
/// event's number, and `head = SHA-256(previous head ‖ SHA-256(BCS(type)) ‖ SHA-256(BCS(event)))`, so a gap, a swap or a
/// forged event changes the head. Hashed on their own, type and event have no border that could be moved, and whoever
/// follows may forget an event's bytes and keep its digest. The type is the event's as `std::type_name` spells it:
/// without it a failure could be passed off as an assignment, which has the same fields.
module daasvader::event_log;

use std::bcs;
use std::hash;
use std::type_name::TypeName;

/// Bytes in a head.
const HEAD_LENGTH: u64 = 32;

public struct Log has store {
    /// Number of the last event; 0 before the first.
    seq: u64,
    /// Hash over all events so far; 32 zero bytes before the first.
    head: vector<u8>,
}

/// How far a log has come, for heartbeats.
public struct LogHead has copy, drop, store {
    log_id: ID,
    seq: u64,
    head: vector<u8>,
}

public(package) fun new(): Log {
    let mut head = vector[];
    while (head.length() < HEAD_LENGTH) head.push_back(0);
    Log { seq: 0, head }
}

/// Appends an event and emits it. A macro, because Sui lets only an event's own module emit it.
public(package) macro fun append<$Event: copy + drop>($log: &mut Log, $event: $Event) {
    let event = $event;
    let log = $log;
    log.record(std::type_name::with_defining_ids<$Event>(), std::bcs::to_bytes(&event));
    sui::event::emit(event);
}

/// Takes the type and the BCS of the next event into the head.
public(package) fun record(log: &mut Log, kind: TypeName, event: vector<u8>) {
    log.seq = log.seq + 1;
    log.head.append(hash::sha2_256(bcs::to_bytes(&kind)));
    log.head.append(hash::sha2_256(event));
    log.head = hash::sha2_256(log.head);
}

/// Number of the event that comes next.
public(package) fun next_seq(log: &Log): u64 {
    log.seq + 1
}

/// The log's state, with the id of the object that holds it.
public(package) fun head_of(log: &Log, holder: &UID): LogHead {
    LogHead { log_id: holder.to_inner(), seq: log.seq, head: log.head }
}

public(package) fun seq(log: &Log): u64 {
    log.seq
}

public(package) fun head(log: &Log): vector<u8> {
    log.head
}
