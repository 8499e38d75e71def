package netview

import (
	"slices"
	"strconv"

	corev1 "k8s.io/api/core/v1"

	"daasvader/k3s/wire"
)

// Version tells views apart.
func (w *View) Version() string { return strconv.FormatUint(w.number, 10) }

// Since is what takes a node from an earlier view to this one; everything, when it knows none.
func (w *View) Since(earlier *View) wire.NetworkUpdate {
	update := wire.NetworkUpdate{Version: w.Version()}
	if earlier == nil {
		earlier, update.Reset = &View{}, true
	}
	if update.Reset || !equalSelves(&earlier.self, &w.self) {
		update.Self = &w.self
	}
	update.Peers = changed(earlier.peers, w.peers)
	update.Policies = changed(earlier.policies, w.policies)
	for name, now := range w.namespaces {
		addPart(&update, name, earlier.namespaces[name], now)
	}
	for name, before := range earlier.namespaces {
		if w.namespaces[name] == nil {
			addPart(&update, name, before, nil)
		}
	}
	// An address may have been given on from a pod of one namespace to one of another.
	update.Pods.Delete = slices.DeleteFunc(update.Pods.Delete, func(address string) bool {
		_, isGivenOn := update.Pods.Set[address]
		return isGivenOn
	})
	return update
}

// addPart adds to an update how a namespace has changed; nil is none that a node knows.
func addPart(update *wire.NetworkUpdate, name string, before, now *part) {
	switch {
	case before == now:
		return
	case now == nil:
		update.Namespaces.Delete = append(update.Namespaces.Delete, name)
	case before == nil || before.namespace != now.namespace:
		put(&update.Namespaces, name, now.namespace)
	}
	how := partChanges{}
	if before != nil && now != nil && now.before == before.number {
		how = now.since // as for all others
	} else {
		how = now.changesSince(before)
	}
	add(&update.Pods, how.pods)
	add(&update.Services, how.services)
	add(&update.EndpointSlices, how.slices)
}

// changed are the things that are new or others, by their very identity, and the keys of those that have gone.
func changed[T any](before, now map[string]*T) (changes wire.Changes[T]) {
	for key, thing := range now {
		if before[key] != thing {
			put(&changes, key, *thing)
		}
	}
	for key := range before {
		if now[key] == nil {
			changes.Delete = append(changes.Delete, key)
		}
	}
	return changes
}

func changedPods(before, now map[string]wire.Pod) (changes wire.Changes[wire.Pod]) {
	for address, pod := range now {
		if had, has := before[address]; !has || had != pod {
			put(&changes, address, pod)
		}
	}
	for address := range before {
		if _, has := now[address]; !has {
			changes.Delete = append(changes.Delete, address)
		}
	}
	return changes
}

func put[T any](changes *wire.Changes[T], key string, thing T) {
	if changes.Set == nil {
		changes.Set = map[string]T{}
	}
	changes.Set[key] = thing
}

func add[T any](to *wire.Changes[T], more wire.Changes[T]) {
	for key, thing := range more.Set {
		put(to, key, thing)
	}
	to.Delete = append(to.Delete, more.Delete...)
}

func isEmpty[T any](changes wire.Changes[T]) bool { return len(changes.Set)+len(changes.Delete) == 0 }

// Services are those that a node knows, by "namespace/name".
func (w *View) Services() map[string]*corev1.Service {
	all := map[string]*corev1.Service{}
	for _, part := range w.namespaces {
		for key, service := range part.services {
			all[key] = service
		}
	}
	return all
}
