package agent

import (
	"errors"
	"fmt"
	"net/netip"
	"slices"

	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/validation"

	"daasvader/k3s/wire"
)

const (
	// maxNames bounds the relays and endpoints of a node.
	maxNames = 8
	// maxOwner bounds the name of an owner: an address of Sui has 66 characters.
	maxOwner = 128
	// firstNodePort and lastNodePort are Kubernetes's own: a Service may not take another port of the machine.
	firstNodePort, lastNodePort = 30000, 32767
)

// networkCheck judges the form of what the server says. What one order, tenant or node can have made malformed is left
// out alone, and never so that more is allowed by that; the rest goes on.
type networkCheck struct {
	node   string
	ranges ranges
}

// self refuses what cannot be of this node.
func (c networkCheck) self(self *wire.Self) error {
	if self.Range != (netip.Prefix{}) && !wire.IsNodeRange(self.Range, c.ranges.cluster) {
		return fmt.Errorf("the range %s is no /%d of %s", self.Range, wire.RangeBits, c.ranges.cluster)
	}
	self.Relays = nodeNames(self.Relays)
	return nil
}

// entries leaves out what is malformed, for a node of the range; it returns what was wrong with each.
func (c networkCheck) entries(own netip.Prefix, u *wire.NetworkUpdate) (refused []error) {
	refuse := func(err error) { refused = append(refused, err) }
	leaveOut(&u.Peers, func(name string, p wire.Peer) (wire.Peer, error) { return c.peer(own, name, p) }, refuse)
	leaveOut(&u.Namespaces, c.namespace, refuse)
	leaveOut(&u.Pods, func(address string, p wire.Pod) (wire.Pod, error) { return c.pod(own, address, p) }, refuse)
	leaveOut(&u.Services, c.service, refuse)
	leaveOut(&u.EndpointSlices, c.endpointSlice, refuse)
	leaveOut(&u.Policies, func(_ string, p wire.Policy) (wire.Policy, error) { return c.policy(own, p), nil }, refuse)
	return refused
}

// leaveOut puts in the place of each value what a check makes of it; what it refuses, and what was there before, is gone.
func leaveOut[T any](changes *wire.Changes[T], check func(string, T) (T, error), refuse func(error)) {
	for key, value := range changes.Set {
		checked, err := check(key, value)
		if err != nil {
			refuse(fmt.Errorf("%T %.100q: %w", value, key, err))
			delete(changes.Set, key)
			changes.Delete = append(changes.Delete, key)
			continue
		}
		changes.Set[key] = checked
	}
}

// isPod says whether an address may be a pod's, of whatever node.
func (c networkCheck) isPod(a netip.Addr) bool {
	return a.Is4() && c.ranges.cluster.Contains(a) && wire.IsForPods(a, wire.RangeOf(a))
}

func (c networkCheck) peer(own netip.Prefix, name string, p wire.Peer) (wire.Peer, error) {
	switch {
	case len(validation.IsDNS1123Subdomain(name)) > 0 || name == c.node:
		return p, errors.New("it is not the name of another node")
	case p.Key.IsZero():
		return p, errors.New("it has no key")
	case !p.Address.Is4() || !c.ranges.cluster.Contains(p.Address) || p.Address != wire.OwnAddress(wire.RangeOf(p.Address)) || own.Contains(p.Address):
		return p, fmt.Errorf("its address %s is not another node's", p.Address)
	case p.Range != (netip.Prefix{}) && (!wire.IsNodeRange(p.Range, c.ranges.cluster) || !p.Range.Contains(p.Address)):
		return p, fmt.Errorf("its range %s is not that of its address", p.Range)
	}
	p.Endpoints = slices.DeleteFunc(p.Endpoints, func(e netip.AddrPort) bool { return !c.isEndpoint(e) })
	p.Endpoints = p.Endpoints[:min(len(p.Endpoints), maxNames)]
	p.Relays = nodeNames(p.Relays)
	return p, nil
}

// isEndpoint says whether a node can be asked there: it can say what it likes, and must not have us speak to ourselves.
func (c networkCheck) isEndpoint(e netip.AddrPort) bool {
	a := e.Addr()
	return a.Is4() && e.Port() != 0 && a.IsGlobalUnicast() && !c.ranges.cluster.Contains(a) && !c.ranges.service.Contains(a)
}

// nodeNames keeps those that are of nodes, as many as a node may have.
func nodeNames(all []string) []string {
	all = slices.DeleteFunc(all, func(name string) bool { return len(validation.IsDNS1123Subdomain(name)) > 0 })
	return all[:min(len(all), maxNames)]
}

func (c networkCheck) namespace(name string, n wire.Namespace) (wire.Namespace, error) {
	if len(validation.IsDNS1123Label(name)) > 0 || len(n.Owner) > maxOwner {
		return n, errors.New("it is no namespace")
	}
	return n, nil
}

func (c networkCheck) pod(own netip.Prefix, address string, p wire.Pod) (wire.Pod, error) {
	a, err := netip.ParseAddr(address)
	switch {
	case err != nil || a.String() != address || !c.isPod(a):
		return p, errors.New("it is not the address of a pod")
	case own.Contains(a) != (p.Node == c.node):
		return p, fmt.Errorf("it is not in the range of its node %.100q", p.Node)
	case len(validation.IsDNS1123Label(p.Namespace)) > 0 || len(validation.IsDNS1123Subdomain(p.Name)) > 0:
		return p, errors.New("it has no name")
	}
	return p, nil
}

// policy drops the rules that are malformed: less is allowed then. What it applies to stays.
func (c networkCheck) policy(own netip.Prefix, p wire.Policy) wire.Policy {
	p.Pods = slices.DeleteFunc(p.Pods, func(a netip.Addr) bool { return !own.Contains(a) || !c.isPod(a) })
	p.Ingress, p.Egress = c.rules(p.Ingress), c.rules(p.Egress)
	return p
}

func (c networkCheck) rules(rules []wire.PolicyRule) (kept []wire.PolicyRule) {
	for _, rule := range rules {
		if slices.ContainsFunc(rule.Ports, isNoPortRange) {
			continue
		}
		rule.Pods = slices.DeleteFunc(rule.Pods, func(a netip.Addr) bool { return !c.isPod(a) })
		rule.Nets = slices.DeleteFunc(rule.Nets, func(n netip.Prefix) bool { return !n.Addr().Is4() || n != n.Masked() })
		if len(rule.Pods)+len(rule.Nets) > 0 {
			kept = append(kept, rule)
		}
	}
	return kept
}

func isNoPortRange(p wire.PortRange) bool { return !isProtocol(p.Protocol) || p.First > p.Last }

func isProtocol(p corev1.Protocol) bool {
	return p == corev1.ProtocolTCP || p == corev1.ProtocolUDP || p == corev1.ProtocolSCTP
}

// service returns what kube-proxy and DNS read of a Service, and nothing that would lead addresses of others to its pods.
func (c networkCheck) service(key string, s corev1.Service) (corev1.Service, error) {
	if err := namespaced(key, s.ObjectMeta); err != nil {
		return s, err
	}
	spec := corev1.ServiceSpec{
		Type:                  s.Spec.Type,
		ClusterIP:             s.Spec.ClusterIP,
		ClusterIPs:            []string{s.Spec.ClusterIP},
		IPFamilies:            []corev1.IPFamily{corev1.IPv4Protocol},
		SessionAffinity:       s.Spec.SessionAffinity,
		SessionAffinityConfig: s.Spec.SessionAffinityConfig,
		InternalTrafficPolicy: s.Spec.InternalTrafficPolicy,
		ExternalTrafficPolicy: s.Spec.ExternalTrafficPolicy,
	}
	if s.Spec.Type == corev1.ServiceTypeExternalName {
		spec.ClusterIP, spec.ClusterIPs, spec.ExternalName = "", nil, s.Spec.ExternalName
		if len(validation.IsDNS1123Subdomain(trimDot(spec.ExternalName))) > 0 {
			return s, errors.New("its external name is none")
		}
	} else if a, err := netip.ParseAddr(spec.ClusterIP); spec.ClusterIP != corev1.ClusterIPNone && (err != nil || !c.ranges.service.Contains(a)) {
		return s, fmt.Errorf("its address %.60q is not one of Services", spec.ClusterIP)
	}
	for _, port := range s.Spec.Ports {
		if !isProtocol(port.Protocol) || len(validation.IsValidPortNum(int(port.Port))) > 0 || !isPortName(port.Name) {
			return s, fmt.Errorf("its port %.60q is none", port.Name)
		}
		kept := corev1.ServicePort{Name: port.Name, Protocol: port.Protocol, Port: port.Port, TargetPort: port.TargetPort}
		if port.NodePort >= firstNodePort && port.NodePort <= lastNodePort {
			kept.NodePort = port.NodePort
		}
		spec.Ports = append(spec.Ports, kept)
	}
	return corev1.Service{ObjectMeta: wire.CutMeta(s.ObjectMeta), Spec: spec}, nil
}

// endpointSlice returns what kube-proxy and DNS read of a slice: of addresses, those that are of pods.
func (c networkCheck) endpointSlice(key string, s discoveryv1.EndpointSlice) (discoveryv1.EndpointSlice, error) {
	if err := namespaced(key, s.ObjectMeta); err != nil {
		return s, err
	}
	if s.AddressType != discoveryv1.AddressTypeIPv4 {
		return s, errors.New("it is not of IPv4")
	}
	kept := discoveryv1.EndpointSlice{ObjectMeta: wire.CutMeta(s.ObjectMeta), AddressType: s.AddressType}
	for _, e := range s.Endpoints {
		addresses := slices.DeleteFunc(e.Addresses, func(address string) bool {
			a, err := netip.ParseAddr(address)
			return err != nil || a.String() != address || !c.isPod(a)
		})
		if len(addresses) == 0 || e.Hostname != nil && len(validation.IsDNS1123Label(*e.Hostname)) > 0 {
			continue
		}
		endpoint := discoveryv1.Endpoint{Addresses: addresses, Conditions: e.Conditions, Hostname: e.Hostname, NodeName: e.NodeName}
		if e.TargetRef != nil {
			endpoint.TargetRef = &corev1.ObjectReference{Kind: e.TargetRef.Kind, Name: e.TargetRef.Name}
		}
		kept.Endpoints = append(kept.Endpoints, endpoint)
	}
	for _, port := range s.Ports {
		if port.Protocol == nil || !isProtocol(*port.Protocol) || port.Name != nil && !isPortName(*port.Name) ||
			port.Port != nil && len(validation.IsValidPortNum(int(*port.Port))) > 0 {
			return s, errors.New("one of its ports is none")
		}
		kept.Ports = append(kept.Ports, discoveryv1.EndpointPort{Name: port.Name, Protocol: port.Protocol, Port: port.Port})
	}
	return kept, nil
}

// namespaced refuses an object under another's key, and names that are none: they become names in DNS and of chains.
func namespaced(key string, m metav1.ObjectMeta) error {
	if key != m.Namespace+"/"+m.Name || len(validation.IsDNS1123Label(m.Namespace)) > 0 || len(validation.IsDNS1123Subdomain(m.Name)) > 0 {
		return fmt.Errorf("it is %.100q in %.100q", m.Name, m.Namespace)
	}
	return nil
}

func isPortName(name string) bool { return name == "" || len(validation.IsDNS1123Label(name)) == 0 }

func trimDot(name string) string {
	if last := len(name) - 1; last >= 0 && name[last] == '.' {
		return name[:last]
	}
	return name
}
