package server

import (
	"sync"
	"time"

	"golang.org/x/time/rate"
)

// sweepInterval keeps a flood of new callers from having the table read through for each of them.
const sweepInterval = time.Second

// accounts are the budgets of those who asked lately. Each class has a table of its own, so that outsiders, who are as
// many as they like, push out nobody.
type accounts struct {
	allowances map[class]allowance
	now        func() time.Time

	mu      sync.Mutex
	tables  map[class]map[string]*account
	sweptAt time.Time
}

func newAccounts(allowances map[class]allowance) *accounts {
	return &accounts{allowances: allowances, now: time.Now, tables: map[class]map[string]*account{}}
}

// of is the account of an identity; nil when there are as many of its class as are kept in mind.
func (a *accounts) of(who identity) *account {
	a.mu.Lock()
	defer a.mu.Unlock()
	table := a.tables[who.class]
	if table == nil {
		table = map[string]*account{}
		a.tables[who.class] = table
	}
	if found := table[who.name]; found != nil {
		return found
	}
	if len(table) >= a.allowances[who.class].identities/2 {
		a.forgetIdle()
	}
	if len(table) >= a.allowances[who.class].identities {
		return nil
	}
	table[who.name] = newAccount(a.allowances[who.class], a.now)
	return table[who.name]
}

// forgetIdle drops the accounts that are as good as new.
func (a *accounts) forgetIdle() {
	if a.now().Sub(a.sweptAt) < sweepInterval {
		return
	}
	a.sweptAt = a.now()
	for _, table := range a.tables {
		for name, account := range table {
			if account.isWhole() {
				delete(table, name)
			}
		}
	}
}

// account is what one identity has left.
type account struct {
	allowance allowance
	now       func() time.Time
	requests  *rate.Limiter
	written   *rate.Limiter
	trials    *rate.Limiter

	mu        sync.Mutex
	running   map[bool]int // by whether they go on until somebody ends them
	creations map[string]*rate.Limiter
}

func newAccount(allowance allowance, now func() time.Time) *account {
	a := &account{
		allowance: allowance,
		now:       now,
		requests:  rate.NewLimiter(allowance.requests, allowance.burst),
		written:   rate.NewLimiter(allowance.written, allowance.writtenBurst),
		trials:    rate.NewLimiter(trials, trialsBurst),
		running:   map[bool]int{},
		creations: map[string]*rate.Limiter{},
	}
	for resource, bound := range creations {
		a.creations[resource] = rate.NewLimiter(bound.each, bound.burst)
	}
	return a
}

// enter takes a request of some bytes from the budget; it says what is used up, if anything is.
func (a *account) enter(bytes int64, created string, goesOn bool) (reason string) {
	a.mu.Lock()
	defer a.mu.Unlock()
	now := a.now()
	switch creations := a.creations[created]; {
	case a.running[goesOn] >= a.allowance.atOnce(goesOn):
		return "too many of your requests or watches run at once; end some"
	case !a.requests.AllowN(now, 1):
		return "your requests come too fast; try again later"
	case bytes > 0 && !a.written.AllowN(now, int(bytes)):
		return "you have written too much lately; try again later"
	case creations != nil && !creations.AllowN(now, 1):
		return "you have created too many " + created + " lately; try again later"
	}
	a.running[goesOn]++
	return ""
}

func (a *account) leave(goesOn bool) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.running[goesOn]--
}

// pay takes bytes that are written already.
func (a *account) pay(bytes int) {
	a.written.ReserveN(a.now(), min(bytes, a.allowance.writtenBurst))
}

// isWhole says whether nothing runs and nothing is missing.
func (a *account) isWhole() bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	isFull := func(limiter *rate.Limiter) bool { return limiter.TokensAt(a.now()) >= float64(limiter.Burst()) }
	whole := a.running[false]+a.running[true] == 0 && isFull(a.requests) && isFull(a.written) && isFull(a.trials)
	for _, limiter := range a.creations {
		whole = whole && isFull(limiter)
	}
	return whole
}
