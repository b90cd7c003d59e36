package rpc

import (
	"slices"
	"strings"
	"testing"

	"github.com/codexhost/codexhost/rpc/protocol"
)

// Every method of the protocol is either served or declined, and nothing else is.
func TestEveryMethodIsServedOrDeclined(t *testing.T) {
	known := map[string]bool{}
	for _, m := range protocol.ClientRequests() {
		if m.Hidden {
			continue
		}
		known[m.Name] = true
		_, served := methods[m.Name]
		switch refused := slices.Contains(declined[:], m.Name); {
		case served && refused:
			t.Errorf("%s is served and declined", m.Name)
		case !served && !refused:
			t.Errorf("%s is neither served nor declined", m.Name)
		}
	}
	for _, m := range protocol.Extensions() {
		known[m.Name] = true
		if _, served := methods[m.Name]; !served {
			t.Errorf("%s is an extension that is not served", m.Name)
		}
		if _, clash := protocol.ClientRequest(m.Name); clash || !strings.HasPrefix(m.Name, protocol.ExtensionPrefix) {
			t.Errorf("%s is no name for an extension", m.Name)
		}
	}
	for _, name := range append(Served(), Declined()...) {
		if !known[name] {
			t.Errorf("%s is no method of the protocol", name)
		}
	}
}
