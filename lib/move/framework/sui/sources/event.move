/// Facts for readers outside the chain.
module sui::event;

public native fun emit<T: copy + drop>(event: T);
