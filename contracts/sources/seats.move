/// The hosts that may each seat one enclave, and the enclaves in their seats.
module daasvader::seats;

/// There are five hosts, with those whose appointment still waits.
const ETooManySeats: u64 = 0;
/// The host has a seat, or an appointment that waits.
const EHostAppointed: u64 = 1;
/// The host has no seat.
const EUnknownHost: u64 = 2;

const MAX_SEATS: u64 = 5;

public struct Seat has copy, drop, store {
    host: address,
    /// From then on the host may seat an enclave.
    effective_at_ms: u64,
    enclave_id: Option<ID>,
}

public struct Seats has store {
    list: vector<Seat>,
    /// Raised by each seating and each revocation, of whichever seat.
    epoch: u64,
    /// The greatest registration number that was ever in any seat.
    last_seated: u64,
    /// Whether a host was ever appointed: each later one waits.
    is_used: bool,
}

public(package) fun new(): Seats {
    Seats { list: vector[], epoch: 0, last_seated: 0, is_used: false }
}

/// Adds a seat for a host. The very first is in effect at once.
///
/// Returns when it takes effect.
///
/// @throws `EHostAppointed`, `ETooManySeats`
public(package) fun appoint(self: &mut Seats, host: address, delay_ms: u64, now_ms: u64): u64 {
    assert!(self.find(host).is_none(), EHostAppointed);
    assert!(self.list.length() < MAX_SEATS, ETooManySeats);
    let effective_at_ms = if (self.is_used) now_ms + delay_ms else now_ms;
    self.is_used = true;
    self.list.push_back(Seat { host, effective_at_ms, enclave_id: option::none() });
    effective_at_ms
}

/// Removes a host's seat, whether in effect or not.
///
/// @throws `EUnknownHost`
public(package) fun revoke(self: &mut Seats, host: address) {
    let index = self.find(host);
    assert!(index.is_some(), EUnknownHost);
    self.list.remove(index.destroy_some());
    self.epoch = self.epoch + 1;
}

/// Puts an enclave into the seat of a host that has one.
public(package) fun take(self: &mut Seats, host: address, enclave_id: ID, number: u64) {
    let index = self.find(host).destroy_some();
    self.list[index].enclave_id = option::some(enclave_id);
    self.last_seated = number;
    self.epoch = self.epoch + 1;
}

/// Whether the host may seat an enclave now.
public(package) fun is_open(self: &Seats, host: address, now_ms: u64): bool {
    self.list.any!(|seat| seat.host == host && seat.effective_at_ms <= now_ms)
}

/// The host in whose seat the enclave is.
public(package) fun host_of(self: &Seats, enclave_id: ID): Option<address> {
    let index = self.list.find_index!(|seat| seat.enclave_id.contains(&enclave_id));
    index.map!(|at| self.list[at].host)
}

/// The enclave in the host's seat.
public(package) fun enclave_of(self: &Seats, host: address): Option<ID> {
    let index = self.find(host);
    if (index.is_some()) self.list[index.destroy_some()].enclave_id else option::none()
}

public(package) fun epoch(self: &Seats): u64 {
    self.epoch
}

public(package) fun last_seated(self: &Seats): u64 {
    self.last_seated
}

public(package) fun max(): u64 {
    MAX_SEATS
}

fun find(self: &Seats, host: address): Option<u64> {
    self.list.find_index!(|seat| seat.host == host)
}
