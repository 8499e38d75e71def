package overlay

import (
	"net/netip"
	"slices"
	"time"
)

const (
	// silence is how long a way may owe an answer before it counts as dead.
	silence = 3 * time.Second
	// busyPing and idlePing are the times between probes of the way in use, with and without traffic; the latter keeps
	// what NATs remember alive, which is 30 s and more.
	busyPing = time.Second
	idlePing = 15 * time.Second
	// standbyPing is that of ways that answer and are not in use.
	standbyPing = 20 * time.Second
	// firstRetry doubles with each probe that nothing answers, up to lastRetry. That one is longer than NATs remember what
	// was never answered, so that a NAT which met our probe too early gets another chance.
	firstRetry = 250 * time.Millisecond
	lastRetry  = 40 * time.Second
	// steady is how many answers in a row a way gives before one that works is left for it.
	steady = 2
)

// How many ways to one peer are tried, by where they are known from. The eldest of a kind goes.
const (
	maxStated   = 8
	maxSeen     = 4
	maxObserved = 4
	maxRelays   = 4
)

// path is a way to a peer: to an endpoint of it, or through a relay, named by its address in the overlay.
type path struct {
	direct netip.AddrPort
	relay  netip.Addr
}

func (p path) isDirect() bool { return p.direct.IsValid() }

func (p path) String() string {
	if p.isDirect() {
		return p.direct.String()
	}
	return "relay " + p.relay.String()
}

// source is where a way is known from.
type source int

const (
	stated   source = iota // the peer says so, through the control plane
	seen                   // a relay sees the peer there
	observed               // a probe of the peer came from there
	relayed                // the control plane names the relay
)

// candidate is a way and what is known of it.
type candidate struct {
	path   path
	source source
	// rank orders those of one kind, best first.
	rank int
	// added is when it was learnt, sent when it was probed last, heard when an answer to that came last.
	added, sent, heard time.Time
	// owes is when the first probe was sent of those that nothing has answered; zero when all were.
	owes time.Time
	// tries are probes since the last answer, answers those in a row.
	tries, answers int
	rtt            time.Duration
	size           sizing
	// distrusted is until when it counts as dead, whatever it answers.
	distrusted time.Time
}

// paths chooses among the ways to one peer.
type paths struct {
	candidates []*candidate
	// active is what is in use: nil until one has answered, then never again. What has died is used until another answers.
	active *candidate
}

func (p *paths) find(way path) *candidate {
	for _, c := range p.candidates {
		if c.path == way {
			return c
		}
	}
	return nil
}

// set makes the ways of one source those, in that order.
func (p *paths) set(from source, ways []path, now time.Time) {
	for _, c := range slices.Clone(p.candidates) {
		if c.source == from && !slices.Contains(ways, c.path) {
			p.remove(c)
		}
	}
	for rank, way := range ways {
		if c := p.find(way); c != nil {
			c.source, c.rank = from, rank
		} else {
			p.candidates = append(p.candidates, &candidate{path: way, source: from, rank: rank, added: now})
		}
	}
}

// learn adds a way that nobody stated, in place of the eldest that is not in use when there are too many.
func (p *paths) learn(from source, way path, most int, now time.Time) *candidate {
	if c := p.find(way); c != nil {
		return c
	}
	count, eldest := 0, (*candidate)(nil)
	for _, c := range p.candidates {
		if c.source != from {
			continue
		}
		count++
		if c != p.active && (eldest == nil || c.latest().Before(eldest.latest())) {
			eldest = c
		}
	}
	if count >= most && eldest != nil {
		p.remove(eldest)
	}
	c := &candidate{path: way, source: from, added: now}
	p.candidates = append(p.candidates, c)
	return c
}

// latest is when there was last a reason to keep it.
func (c *candidate) latest() time.Time {
	if c.heard.After(c.added) {
		return c.heard
	}
	return c.added
}

// remove forgets a way; the one in use becomes one that was merely observed, and dies like any other.
func (p *paths) remove(c *candidate) {
	if c == p.active && c.path.isDirect() {
		c.source, c.rank = observed, 0
		return
	}
	if c == p.active {
		p.active = nil
	}
	p.candidates = slices.DeleteFunc(p.candidates, func(other *candidate) bool { return other == c })
}

// isAlive says that it has answered, owes nothing for long, and is not distrusted.
func (c *candidate) isAlive(now time.Time) bool {
	return !now.Before(c.distrusted) && !c.heard.IsZero() && (c.owes.IsZero() || now.Sub(c.owes) < silence)
}

// probed notes that a probe was sent.
func (c *candidate) probed(now time.Time) {
	c.sent = now
	c.tries++
	if c.owes.IsZero() {
		c.owes = now
	}
	if now.Sub(c.owes) >= silence {
		c.answers = 0
	}
}

// answered notes that one was answered.
func (c *candidate) answered(now time.Time, rtt time.Duration) {
	c.heard, c.owes, c.tries = now, time.Time{}, 0
	c.answers++
	if c.rtt == 0 {
		c.rtt = rtt
	}
	c.rtt += (rtt - c.rtt) / 8 // one slow answer says little, cf. RFC 6298
}

// isDue says whether it is time to probe it.
func (p *paths) isDue(c *candidate, now time.Time, busy bool) bool {
	return now.Sub(c.sent) >= p.interval(c, busy)
}

func (p *paths) interval(c *candidate, busy bool) time.Duration {
	if c.tries > 0 {
		retry := lastRetry
		if c.tries < 9 {
			retry = firstRetry << (c.tries - 1)
		}
		if c == p.active && c.tries < 30 {
			retry = min(retry, busyPing)
		}
		return min(retry, lastRetry)
	}
	switch {
	case c.answers < steady, c == p.active && busy:
		return busyPing
	case c == p.active:
		return idlePing
	}
	return standbyPing
}

// choose says which way is best now, and whether that is another than before.
func (p *paths) choose(now time.Time) bool {
	best := p.active
	for _, c := range p.candidates {
		if c != best && p.isBetter(c, best, now) {
			best = c
		}
	}
	changed := best != p.active
	p.active = best
	return changed
}

// isBetter says whether to leave one way for another. One that works is left only for what is better by kind or much
// faster, or has answered since the first began to owe something.
func (p *paths) isBetter(c, than *candidate, now time.Time) bool {
	switch {
	case !c.isAlive(now):
		return false
	case than == nil || !than.isAlive(now):
		return true
	case c.path.isDirect() != than.path.isDirect():
		return c.path.isDirect() && c.answers >= steady
	case !than.owes.IsZero() && now.Sub(than.owes) > 2*than.rtt+busyPing/2 && c.heard.After(than.owes) && c.owes.IsZero():
		return true
	case c.path.isDirect():
		return c.answers > steady && c.rtt*2 < than.rtt && than.rtt-c.rtt > 5*time.Millisecond
	}
	return than != p.active && c.rank < than.rank
}
