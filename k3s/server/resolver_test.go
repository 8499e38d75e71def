package server

import (
	"testing"
)

func TestNameOfANodeIsAskedOfNobody(t *testing.T) {
	for _, name := range []string{"worker-1", "worker-1.example.com"} {
		addresses, err := ownResolver().LookupIPAddr(t.Context(), name)
		if err != nil || len(addresses) != 1 || !addresses[0].IP.IsGlobalUnicast() {
			t.Errorf("%s: %v, error %v", name, addresses, err)
		}
	}
}
