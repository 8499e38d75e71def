/// The least stake of each role.
module daasvader::role_stakes;

/// The stakes do not rise from role to role, or the first is zero, or the last more than a million SUI.
const ENotRising: u64 = 0;
/// A stake is less than half or more than twice what is in effect.
const ETooFar: u64 = 1;

const ROLE_NONE: u8 = 0;
const ROLE_VIEWER: u8 = 1;
const ROLE_DEVELOPER: u8 = 2;
const ROLE_ADMIN: u8 = 3;
const ROLE_SUPER: u8 = 4;

const MAX_STAKE: u64 = 1_000_000_000_000_000;

/// In MIST.
public struct RoleStakes has copy, drop, store {
    viewer: u64,
    developer: u64,
    admin: u64,
    super_: u64,
}

/// 0.5, 2, 5 and 10 SUI: until others are proposed.
public(package) fun initial(): RoleStakes {
    RoleStakes { viewer: 500_000_000, developer: 2_000_000_000, admin: 5_000_000_000, super_: 10_000_000_000 }
}

/// Stakes that may follow these: nobody's role becomes more than twice as dear, or as cheap as less than half, within
/// one delay of the timelock.
///
/// @throws `ENotRising`, `ETooFar`
public(package) fun next(self: &RoleStakes, viewer: u64, developer: u64, admin: u64, super_: u64): RoleStakes {
    let is_rising = 0 < viewer && viewer < developer && developer < admin && admin < super_;
    assert!(is_rising && super_ <= MAX_STAKE, ENotRising);
    assert!(is_near(viewer, self.viewer) && is_near(developer, self.developer), ETooFar);
    assert!(is_near(admin, self.admin) && is_near(super_, self.super_), ETooFar);
    RoleStakes { viewer, developer, admin, super_ }
}

/// The role that a stake gives.
public(package) fun role_for(self: &RoleStakes, stake: u64): u8 {
    if (stake >= self.super_) ROLE_SUPER
    else if (stake >= self.admin) ROLE_ADMIN
    else if (stake >= self.developer) ROLE_DEVELOPER
    else if (stake >= self.viewer) ROLE_VIEWER
    else ROLE_NONE
}

/// What an account is opened with at least.
public(package) fun least(self: &RoleStakes): u64 {
    self.viewer
}

fun is_near(value: u64, present: u64): bool {
    value * 2 >= present && value <= present * 2
}
