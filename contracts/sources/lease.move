/// Which seat's enclave leads, in which term, and until when nobody else may take that from it.
module daasvader::lease;

/// How long the lead is safe after it was taken or after a heartbeat.
const LEASE_MS: u64 = 60_000;

public struct Leader has copy, drop, store {
    host: address,
    enclave_id: ID,
}

public struct Lease has store {
    /// Raised whenever the lead is taken; 0 before the first time.
    term: u64,
    /// None when nobody took it yet, it was given up, or the leader's seat was revoked.
    leader: Option<Leader>,
    ends_at_ms: u64,
    /// Hosts whose enclaves had everything when the last heartbeat was made.
    in_sync: vector<address>,
}

public(package) fun new(): Lease {
    Lease { term: 0, leader: option::none(), ends_at_ms: 0, in_sync: vector[] }
}

/// Begins a new term.
public(package) fun take(self: &mut Lease, host: address, enclave_id: ID, now_ms: u64) {
    self.term = self.term + 1;
    self.leader = option::some(Leader { host, enclave_id });
    self.ends_at_ms = now_ms + LEASE_MS;
}

/// Prolongs the lease, at a heartbeat.
public(package) fun renew(self: &mut Lease, in_sync: vector<address>, now_ms: u64) {
    self.in_sync = in_sync;
    self.ends_at_ms = now_ms + LEASE_MS;
}

public(package) fun give_up(self: &mut Lease) {
    self.leader = option::none();
}

/// Forgets a host whose seat was revoked.
public(package) fun forget(self: &mut Lease, host: address) {
    if (self.leading_host().contains(&host)) self.give_up();
    self.in_sync = self.in_sync.filter!(|other| other != &host);
}

/// Whether an enclave in the host's seat that does not lead may take the lead now: nobody has it, the leader was in the
/// same seat before, or the leader's lease ran out and the host has everything.
public(package) fun is_open_to(self: &Lease, host: address, now_ms: u64): bool {
    let leading = self.leading_host();
    leading.is_none() || leading.contains(&host) ||
    (now_ms > self.ends_at_ms && self.in_sync.contains(&host))
}

/// Whether the enclave leads.
public(package) fun is_led_by(self: &Lease, enclave_id: ID): bool {
    self.leader_id().contains(&enclave_id)
}

public(package) fun term(self: &Lease): u64 {
    self.term
}

public(package) fun leader_id(self: &Lease): Option<ID> {
    self.leader.map_ref!(|leader| leader.enclave_id)
}

public(package) fun leading_host(self: &Lease): Option<address> {
    self.leader.map_ref!(|leader| leader.host)
}
