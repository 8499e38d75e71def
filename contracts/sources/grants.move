/// Roles that admins give to others in namespaces of their own.
///
/// A grant says only what was given. It counts while its owner is an admin: whoever reads it asks for the owner's role
/// now, so a role that falls ends all its grants at once, with nothing to clean up.
module daasvader::grants;

use daasvader::namespaces;
use std::string::String;
use sui::table::{Self, Table};

/// The owner has granted as many roles as one may.
const ETooManyGrants: u64 = 0;
/// The sender granted no role to that user in that namespace.
const EUnknownGrant: u64 = 1;

/// How many grants one owner may have: what is searched for each request in a namespace that is not the sender's.
const MAX_GRANTS: u64 = 64;

public struct Grants has store {
    /// By the owner's first namespace: each further one begins with it.
    by_namespace: Table<String, Granted>,
}

public struct Granted has drop, store {
    owner: address,
    grants: vector<Grant>,
}

public struct Grant has copy, drop, store {
    namespace: String,
    user: address,
    role: u8,
}

public(package) fun new(ctx: &mut TxContext): Grants {
    Grants { by_namespace: table::new(ctx) }
}

/// Gives a role, in place of one given before. Whether the owner may is for the caller to check.
///
/// @throws `ETooManyGrants`
public(package) fun set(self: &mut Grants, owner: address, namespace: String, user: address, role: u8) {
    let key = namespaces::first_of(owner);
    if (!self.by_namespace.contains(key)) self.by_namespace.add(key, Granted { owner, grants: vector[] });
    let grants = &mut self.by_namespace[key].grants;
    let index = grants.find_index!(|grant| grant.is_for(&namespace, user));
    if (index.is_some()) {
        let grant = &mut grants[index.destroy_some()];
        grant.role = role;
    } else {
        assert!(grants.length() < MAX_GRANTS, ETooManyGrants);
        grants.push_back(Grant { namespace, user, role });
    }
}

/// Takes back a role that the owner gave.
///
/// @throws `EUnknownGrant`
public(package) fun remove(self: &mut Grants, owner: address, namespace: &String, user: address) {
    let key = namespaces::first_of(owner);
    assert!(self.by_namespace.contains(key), EUnknownGrant);
    let grants = &mut self.by_namespace[key].grants;
    let index = grants.find_index!(|grant| grant.is_for(namespace, user));
    assert!(index.is_some(), EUnknownGrant);
    grants.remove(index.destroy_some());
    if (grants.is_empty()) {
        self.by_namespace.remove(key);
    }
}

/// Takes back every role that the owner gave in a namespace.
public(package) fun remove_all(self: &mut Grants, owner: address, namespace: &String) {
    let key = namespaces::first_of(owner);
    if (!self.by_namespace.contains(key)) return;
    let grants = &mut self.by_namespace[key].grants;
    let mut i = grants.length();
    while (i > 0) {
        i = i - 1;
        if (&grants[i].namespace == namespace) {
            grants.swap_remove(i);
        }
    };
    if (grants.is_empty()) {
        self.by_namespace.remove(key);
    }
}

/// The owner of a namespace and the role that was given to a user there; role 0 when none was.
public(package) fun find(self: &Grants, namespace: &String, user: address): (address, u8) {
    let key = namespaces::without_suffix(namespace);
    if (!self.by_namespace.contains(key)) return (@0x0, 0);
    let Granted { owner, grants } = &self.by_namespace[key];
    let index = grants.find_index!(|grant| grant.is_for(namespace, user));
    (*owner, if (index.is_some()) grants[index.destroy_some()].role else 0)
}

fun is_for(self: &Grant, namespace: &String, user: address): bool {
    self.user == user && &self.namespace == namespace
}
