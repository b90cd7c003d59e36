package main

import (
	"strings"
	"testing"
	"time"

	"github.com/codexhost/codexhost/plugins"
)

// TestPluginTable: a line for each host, the asked variables of one that runs, and
// what went wrong below.
func TestPluginTable(t *testing.T) {
	now := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	hosts := []plugins.HostFacts{
		{PID: 11, Plugins: []plugins.PluginFacts{{
			Name: "p", Kind: "skill", Phase: plugins.PhaseReady, PID: 1 << 30, Started: now.Add(-90 * time.Second), Generation: 3, Restarts: 2,
			Version: "v1.2", Asks: []plugins.AskedVariable{{Name: "TOKEN", Required: true}, {Name: "PROXY"}},
		}}},
		{PID: 12, Plugins: []plugins.PluginFacts{{Name: "p", Kind: "skill", Phase: plugins.PhaseBroken, LastError: "no luck", Until: now.Add(time.Minute)}}},
		{PID: 13, Plugins: []plugins.PluginFacts{{Name: "other", Phase: plugins.PhaseReady, PID: 2}}},
	}
	all := []listedPlugin{
		{Name: "p", Kind: "skill", State: "enabled", Path: "/bin/p", Pinned: true, Env: []string{"PROXY"}},
		{Name: "q", Kind: "mcp", State: "changed", Path: "/bin/q", Hint: "do something"},
	}
	for i := range all {
		all[i].addHosts(hosts, now)
	}
	var out strings.Builder
	if err := writePluginTable(&out, all); err != nil {
		t.Fatal(err)
	}
	want := `NAME  KIND   STATE    PINNED  HOST  DOES    PID         UPTIME  RESTARTS  MEMORY  VERSION  SEES   ASKS          PROGRAM
p     skill  enabled  yes     11    ready   1073741824  1m30s   2         -       v1.2     PROXY  TOKEN!,PROXY  /bin/p
p     skill  enabled  yes     12    broken  -           -       0         -       -        PROXY  TOKEN!,PROXY  /bin/p
q     mcp    changed  no      -     -       -           -       -         -       -        -      -             /bin/q
p, last error in host 12: no luck
q is changed: do something
`
	if got := out.String(); got != want {
		t.Errorf("got\n%swant\n%s", got, want)
	}
	if r := all[0].Hosts[1]; r.RetryAt != "2026-01-02T03:05:05Z" || all[0].Hosts[0].Uptime != 90 || all[0].Hosts[0].Generation != 3 {
		t.Errorf("got %+v", all[0].Hosts)
	}
}
