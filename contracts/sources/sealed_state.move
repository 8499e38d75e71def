/// What the chain knows of the state that the enclaves seal: whose it is, how far it has come, and when its key has to
/// change.
module daasvader::sealed_state;

/// A new generation of the state's key is due that long after the last one.
const TURN_MS: u64 = 90 * 24 * 3_600_000;

/// The cluster's certificate authority, which lives in the sealed state.
public struct Identity has copy, drop, store {
    /// SHA-256 of the DER of the CA certificate.
    ca_sha256: vector<u8>,
    /// Of the state's key when the identity was set.
    generation: u64,
}

/// The last point of the sealed state that every store in sync has made durable.
public struct Anchor has copy, drop, store {
    /// Of the key that the state is sealed under.
    generation: u64,
    /// Number of the last record.
    position: u64,
    /// Over all up to that record.
    digest: vector<u8>,
    /// Size of the state; 0 when the admin accepted it.
    bytes: u64,
}

/// A point that the admin accepts in place of the anchor, where newer state is lost.
public struct Acceptance has copy, drop, store {
    position: u64,
    digest: vector<u8>,
    effective_at_ms: u64,
}

public struct SealedState has store {
    identity: Option<Identity>,
    /// From then on the identity counts as none.
    anew_at_ms: Option<u64>,
    /// The newest generation there is; 0 before the first identity.
    generation: u64,
    /// When it began.
    turned_at_ms: u64,
    /// Generations up to this one have to be left: somebody who lost the right to their keys may have them.
    exposed: u64,
    anchor: Option<Anchor>,
    accepted: Option<Acceptance>,
    /// The newest format that a leader wrote.
    format: u64,
}

public(package) fun new(): SealedState {
    SealedState {
        identity: option::none(),
        anew_at_ms: option::none(),
        generation: 0,
        turned_at_ms: 0,
        exposed: 0,
        anchor: option::none(),
        accepted: option::none(),
        format: 0,
    }
}

/// Begins the state of a new identity, in a new generation: nothing of it is anchored yet.
public(package) fun set_identity(self: &mut SealedState, ca_sha256: vector<u8>, now_ms: u64) {
    self.turn(now_ms);
    self.identity = option::some(Identity { ca_sha256, generation: self.generation });
    self.anew_at_ms = option::none();
    self.anchor = option::none();
    self.accepted = option::none();
}

/// Makes the identity count as none from a moment on.
public(package) fun begin_anew(self: &mut SealedState, at_ms: u64) {
    self.anew_at_ms = option::some(at_ms);
}

/// Puts a point in the anchor's place from a moment on, once.
public(package) fun accept(self: &mut SealedState, position: u64, digest: vector<u8>, at_ms: u64) {
    self.accepted = option::some(Acceptance { position, digest, effective_at_ms: at_ms });
}

/// Moves the anchor within the generation.
public(package) fun move_anchor(self: &mut SealedState, position: u64, digest: vector<u8>, bytes: u64) {
    let generation = self.generation;
    self.anchor = option::some(Anchor { generation, position, digest, bytes });
}

/// Begins the next generation.
public(package) fun turn(self: &mut SealedState, now_ms: u64) {
    self.generation = self.generation + 1;
    self.turned_at_ms = now_ms;
}

/// Makes the next generation due, because somebody loses the right to the keys. If it was due before, its key was open to
/// them as well: then so is the one after it.
public(package) fun ask_turn(self: &mut SealedState, now_ms: u64) {
    self.exposed = if (self.is_turn_due(now_ms)) self.generation + 1 else self.generation;
}

public(package) fun raise_format(self: &mut SealedState, format: u64) {
    self.format = self.format.max(format);
}

/// Makes a point that was accepted the anchor, once it is in effect.
public(package) fun settle(self: &mut SealedState, now_ms: u64) {
    self.anchor = self.anchor(now_ms);
    if (self.is_accepted(now_ms)) self.accepted = option::none();
}

/// The CA in effect now.
public(package) fun ca_sha256(self: &SealedState, now_ms: u64): Option<vector<u8>> {
    if (self.anew_at_ms.is_some_and!(|at| *at <= now_ms)) return option::none();
    self.identity.map_ref!(|identity| identity.ca_sha256)
}

/// The anchor in effect now.
public(package) fun anchor(self: &SealedState, now_ms: u64): Option<Anchor> {
    if (!self.is_accepted(now_ms)) return self.anchor;
    let Acceptance { position, digest, .. } = *self.accepted.borrow();
    option::some(Anchor { generation: self.generation, position, digest, bytes: 0 })
}

/// Whether the state's key has to change: somebody may have it who should not, or 90 days went by. Before anything is
/// anchored there is nothing that could be sealed under another key.
public(package) fun is_turn_due(self: &SealedState, now_ms: u64): bool {
    self.anchor(now_ms).is_some() && (self.generation <= self.exposed || now_ms - self.turned_at_ms >= TURN_MS)
}

public(package) fun generation(self: &SealedState): u64 {
    self.generation
}

public(package) fun format(self: &SealedState): u64 {
    self.format
}

public(package) fun position(self: &Anchor): u64 {
    self.position
}

public(package) fun digest(self: &Anchor): vector<u8> {
    self.digest
}

fun is_accepted(self: &SealedState, now_ms: u64): bool {
    self.accepted.is_some_and!(|accepted| accepted.effective_at_ms <= now_ms)
}
