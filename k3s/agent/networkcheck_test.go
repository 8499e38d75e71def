package agent

import (
	"encoding/json"
	"net/netip"
	"reflect"
	"strings"
	"testing"

	"daasvader/k3s/wire"
)

// checked applies an update, written in JSON, to a node that knows its range, and returns what it knows then.
func checked(t *testing.T, update string) wire.Network {
	t.Helper()
	n := openNetwork(testOptions(t))
	for _, line := range []string{whole("1"), `{"version":"2",` + update + `}`} {
		if err := n.take([]byte(line)); err != nil {
			t.Fatal(err)
		}
	}
	now, _ := n.newest()
	return now
}

func TestAddressesThatArePodsNowhereAreLeftOut(t *testing.T) {
	for _, pod := range []string{
		`"169.254.169.254":{"namespace":"a","name":"p","node":"worker-2"}`,
		`"127.0.0.1":{"namespace":"a","name":"p","node":"worker-2"}`,
		`"8.8.8.8":{"namespace":"a","name":"p","node":"worker-2"}`,
		`"10.80.0.9":{"namespace":"a","name":"p","node":"worker-2"}`,
		`"10.64.2.0":{"namespace":"a","name":"p","node":"worker-2"}`,
		`"10.64.2.1":{"namespace":"a","name":"p","node":"worker-2"}`,
		`"10.64.2.255":{"namespace":"a","name":"p","node":"worker-2"}`,
		`"10.64.002.9":{"namespace":"a","name":"p","node":"worker-2"}`,
		`"::ffff:10.64.2.9":{"namespace":"a","name":"p","node":"worker-2"}`,
		`"10.64.1.9":{"namespace":"a","name":"ours","node":"worker-2"}`,
		`"10.64.2.9":{"namespace":"a","name":"theirs","node":"worker-1"}`,
		`"10.64.2.9":{"namespace":"a.b","name":"p","node":"worker-2"}`,
		`"10.64.2.9":{"namespace":"a","name":"","node":"worker-2"}`,
	} {
		if now := checked(t, `"pods":{"set":{`+pod+`}}`); len(now.Pods) != 1 {
			t.Errorf("%s became %+v", pod, now.Pods)
		}
	}
	if now := checked(t, `"pods":{"set":{"10.64.2.9":{"namespace":"a","name":"p","node":"worker-2"}}}`); len(now.Pods) != 2 {
		t.Error("a pod of another node was left out")
	}
}

func TestPodThatBecomesMalformedIsGone(t *testing.T) {
	if now := checked(t, `"pods":{"set":{"10.64.1.2":{"namespace":"team-b","name":"one","node":"worker-2"}}}`); len(now.Pods) != 0 {
		t.Errorf("it stayed: %+v", now.Pods)
	}
}

func TestPeersThatCannotBeAreLeftOut(t *testing.T) {
	peer := func(name, address, podRange, key string) string {
		return `"` + name + `":{"key":"` + key + `","address":"` + address + `","range":"` + podRange + `"}`
	}
	good, zero := key(3).String(), wire.WireGuardKey{}.String()
	for _, p := range []string{
		peer("worker-1", "10.64.2.1", "10.64.2.0/24", good),
		peer("worker_2", "10.64.2.1", "10.64.2.0/24", good),
		peer("worker-2", "10.64.2.1", "10.64.2.0/24", zero),
		peer("worker-2", "10.64.2.2", "10.64.2.0/24", good),
		peer("worker-2", "10.64.1.1", "10.64.1.0/24", good),
		peer("worker-2", "10.64.2.1", "10.64.3.0/24", good),
		peer("worker-2", "10.64.2.1", "10.64.0.0/16", good),
		peer("worker-2", "10.64.2.1", "0.0.0.0/0", good),
		peer("worker-2", "192.168.1.1", "192.168.1.0/24", good),
	} {
		if now := checked(t, `"peers":{"set":{`+p+`}}`); len(now.Peers) != 0 {
			t.Errorf("%s became %+v", p, now.Peers)
		}
	}
	now := checked(t, `"peers":{"set":{`+peer("worker-2", "10.64.2.1", "10.64.2.0/24", good)+`,`+peer("relay", "10.64.9.1", "", good)+`}}`)
	if len(now.Peers) != 2 || now.Peers["relay"].Range.IsValid() {
		t.Errorf("the peers are %+v", now.Peers)
	}
}

func TestPeersAreNotAskedWhereOnlyWeAre(t *testing.T) {
	now := checked(t, `"peers":{"set":{"worker-2":{"key":"`+key(3).String()+`","address":"10.64.2.1",
		"endpoints":["127.0.0.1:51820","0.0.0.0:51820","224.0.0.1:51820","169.254.169.254:80","[2001:db8::1]:51820",
			"10.64.1.1:51820","10.80.0.10:53","203.0.113.9:0","203.0.113.9:51820","192.168.1.2:51820"],
		"relays":["relay","../etc","a","b","c","d","e","f","g","h"]}}}`)
	wanted := []netip.AddrPort{netip.MustParseAddrPort("203.0.113.9:51820"), netip.MustParseAddrPort("192.168.1.2:51820")}
	if p := now.Peers["worker-2"]; !reflect.DeepEqual(p.Endpoints, wanted) || len(p.Relays) != maxNames || p.Relays[1] != "a" {
		t.Errorf("the peer is %+v", p)
	}
}

func TestMalformedRulesAllowNothing(t *testing.T) {
	now := checked(t, `"policies":{"set":{"p":{"pods":["10.64.1.2","10.64.2.9","10.64.1.1"],"isIngress":true,"ingress":[
		{"pods":["10.64.2.9","169.254.169.254"],"ports":[{"protocol":"TCP","first":80,"last":80}]},
		{"pods":["10.64.2.9"],"ports":[{"protocol":"TCP","first":80,"last":70}]},
		{"pods":["10.64.2.9"],"ports":[{"protocol":"ICMP","first":1,"last":1}]},
		{"nets":["10.0.0.1/8","fe80::/10"]}]}}}`)
	p := now.Policies["p"]
	if len(p.Pods) != 1 || !p.IsIngress || len(p.Ingress) != 1 || len(p.Ingress[0].Pods) != 1 {
		t.Errorf("the policy is %+v", p)
	}
}

func TestServicesLeadOnlyTheirOwnAddressToPods(t *testing.T) {
	service := func(spec string) string {
		return `"services":{"set":{"team-a/web":{"metadata":{"namespace":"team-a","name":"web","annotations":{"x":"y"}},"spec":` + spec + `}}}`
	}
	for _, spec := range []string{
		`{"clusterIP":"169.254.169.254","ports":[{"port":80,"protocol":"TCP"}]}`,
		`{"clusterIP":"10.64.2.9","ports":[{"port":80,"protocol":"TCP"}]}`,
		`{"clusterIP":"","ports":[{"port":80,"protocol":"TCP"}]}`,
		`{"clusterIP":"10.80.0.9","ports":[{"port":0,"protocol":"TCP"}]}`,
		`{"clusterIP":"10.80.0.9","ports":[{"port":80,"protocol":"GRE"}]}`,
		`{"clusterIP":"10.80.0.9","ports":[{"name":"a b","port":80,"protocol":"TCP"}]}`,
		`{"type":"ExternalName","externalName":"not a name"}`,
	} {
		if now := checked(t, service(spec)); len(now.Services) != 0 {
			t.Errorf("%s became %+v", spec, now.Services)
		}
	}
	now := checked(t, service(`{"type":"NodePort","clusterIP":"10.80.0.9","externalIPs":["8.8.8.8"],"loadBalancerIP":"8.8.4.4",
		"healthCheckNodePort":31000,"ports":[{"name":"a","port":80,"protocol":"TCP","nodePort":22},{"name":"b","port":81,"protocol":"TCP","nodePort":30080}]}`))
	s := now.Services["team-a/web"]
	if len(s.Spec.ExternalIPs)+len(s.Spec.LoadBalancerIP)+int(s.Spec.HealthCheckNodePort) != 0 || s.Spec.Ports[0].NodePort != 0 || s.Spec.Ports[1].NodePort != 30080 {
		t.Errorf("the Service is %+v", s.Spec)
	}
	other := strings.Replace(service(`{"clusterIP":"10.80.0.9"}`), `"team-a/web"`, `"team-b/web"`, 1)
	if now := checked(t, other); len(now.Services) != 0 {
		t.Errorf("a Service stands under another's key: %+v", now.Services)
	}
}

func TestEndpointsThatAreNoPodsAreLeftOut(t *testing.T) {
	now := checked(t, `"endpointSlices":{"set":{"team-a/web-1":{"metadata":{"namespace":"team-a","name":"web-1","labels":{"kubernetes.io/service-name":"web"}},
		"addressType":"IPv4","ports":[{"port":80,"protocol":"TCP"}],"endpoints":[{"addresses":["169.254.169.254"]},{"addresses":["10.64.2.9"]},{"addresses":["10.80.0.1"]},{"addresses":["10.64.2.10"],"hostname":"a.b"}]}}}`)
	slice := now.EndpointSlices["team-a/web-1"]
	text, err := json.Marshal(slice.Endpoints)
	if err != nil || string(text) != `[{"addresses":["10.64.2.9"],"conditions":{}}]` {
		t.Errorf("the endpoints are %s", text)
	}
}
