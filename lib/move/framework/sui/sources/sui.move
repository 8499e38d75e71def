/// The currency in which gas is paid. One SUI is 10^9 MIST.
module sui::sui;

public struct SUI has drop {}
