package mcp_test

import (
	"strings"
	"testing"
)

// What one server does wrong is bounded, and the others do not notice.
func TestBounds(t *testing.T) {
	t.Parallel()
	s := service(t)
	l := &listener{}
	set := join(t, s, l,
		testServer("healthy", "tools=echo"), testServer("many", "tools=echo", "many=2000"),
		testServer("same", "tools=echo,grow", "cursors=same"))
	offer := set.Offer()
	per := map[string]int{}
	for _, x := range offer.Tools() {
		per[x.Server]++
	}
	if per["healthy"] != 1 || per["many"] != 2001 || per["same"] != 2 || len(offer.Specs()) != 3 {
		t.Errorf("offered %v, %d specs", per, len(offer.Specs()))
	}
	for _, name := range []string{"healthy", "many", "same"} {
		if got := direct(t, set, name, "echo", `{"text":"on"}`); got != "on" {
			t.Errorf("%s: %s", name, got)
		}
	}
	// The list is made again after a change, and is as good as the first.
	direct(t, set, "same", "grow", `{}`)
	waitFor(t, "the new tool", func() bool { return strings.Contains(offered(set), "grown") })
	for name, want := range map[string]int{"same": 2, "healthy": 2} {
		got := strings.Count(listed(t, set, "list_mcp_resources", `{}`), `"server":"`+name+`"`)
		if got != want {
			t.Errorf("%s: %d resources", name, got)
		}
	}
}
