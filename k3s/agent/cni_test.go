package agent

import (
	"encoding/json"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// podAddress asks the plugin that the configuration names for a pod's address, or gives it back.
func podAddress(t *testing.T, o *Options, command, pod string) (address netip.Addr) {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(o.cniConfDir(), "10-k3s.conflist"))
	if err != nil {
		t.Fatal(err)
	}
	var list struct {
		CNIVersion, Name string
		Plugins          []map[string]any
	}
	if err := json.Unmarshal(text, &list); err != nil {
		t.Fatal(err)
	}
	config, err := json.Marshal(map[string]any{"cniVersion": list.CNIVersion, "name": list.Name, "ipam": list.Plugins[0]["ipam"]})
	if err != nil {
		t.Fatal(err)
	}
	plugin := exec.Command(filepath.Join(o.CNIBinDir, "host-local"))
	plugin.Stdin = strings.NewReader(string(config))
	plugin.Env = []string{"CNI_COMMAND=" + command, "CNI_CONTAINERID=" + pod, "CNI_NETNS=/run/netns/" + pod, "CNI_IFNAME=eth0", "CNI_PATH=" + o.CNIBinDir}
	out, err := plugin.Output()
	if err != nil {
		t.Fatalf("%s of %s: %s", command, pod, out)
	}
	if command == "DEL" {
		return address
	}
	var result struct {
		IPs []struct{ Address netip.Prefix }
	}
	if err := json.Unmarshal(out, &result); err != nil || len(result.IPs) != 1 {
		t.Fatalf("%s of %s: %s", command, pod, out)
	}
	return result.IPs[0].Address.Addr()
}

func TestAPodsAddressRestsUntilAllOthersWereUsed(t *testing.T) {
	o := &Options{DataDir: t.TempDir()}
	if err := o.findCNI(); err != nil {
		t.Fatal(err)
	}
	if err := os.MkdirAll(o.cniConfDir(), 0o700); err != nil {
		t.Fatal(err)
	}
	configure := func() { // as each start of the agent does
		if err := writeCNIConfig(o, "10.112.7.0/24"); err != nil {
			t.Fatal(err)
		}
	}
	configure()
	stays := podAddress(t, o, "ADD", "stays")
	seen := []netip.Addr{stays}
	for range 252 { // .2 to .254 but for the one that stays
		configure()
		seen = append(seen, podAddress(t, o, "ADD", "comes-and-goes"))
		podAddress(t, o, "DEL", "comes-and-goes")
	}
	slices.SortFunc(seen, netip.Addr.Compare)
	if all := slices.Compact(seen); len(all) != 253 || all[0] != netip.MustParseAddr("10.112.7.2") || all[252] != netip.MustParseAddr("10.112.7.254") {
		t.Errorf("%d addresses from %s to %s", len(all), all[0], all[len(all)-1])
	}
	if again := podAddress(t, o, "ADD", "next"); again == stays {
		t.Errorf("%s is given twice", stays)
	}
}
