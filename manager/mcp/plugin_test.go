package mcp

import (
	"context"
	"strings"
	"testing"

	provider "github.com/codexhost/codexhost/plugins/mcp"
)

// several is a plugin with the servers that it names.
type several struct {
	provider.Provider
	servers []string
}

func (s several) Servers(context.Context) ([]provider.Server, error) {
	var out []provider.Server
	for _, name := range s.servers {
		out = append(out, provider.Server{Key: "key of " + name, Name: name})
	}
	return out, nil
}

func TestServerOfPlugin(t *testing.T) {
	for _, c := range []struct {
		servers []string
		want    string // a name, or part of the error
	}{
		{[]string{"other"}, "other"},
		{[]string{"a", "notes", "b"}, "notes"},
		{[]string{"a", "b"}, "none is called like it"},
		{nil, "brings 0 MCP servers"},
	} {
		got, err := brought(t.Context(), several{servers: c.servers}, "notes")
		if err == nil && got.Name != c.want || err != nil && !strings.Contains(err.Error(), c.want) {
			t.Errorf("%q: %q, %v", c.servers, got.Name, err)
		}
	}
	if _, err := brought(t.Context(), struct{ provider.Provider }{}, "notes"); err == nil {
		t.Error("a provider without servers brought one")
	}
}

// The settings of a plugin's server are the plugin's, so threads in different
// folders share it, and it is not mistaken for a configured one.
func TestPluginLaunch(t *testing.T) {
	none := func(string) (string, bool) { return "", false }
	a, err := (&Server{Name: "notes", Plugin: "notes"}).launch("/a", provider.ClientInfo{}, none)
	if err != nil {
		t.Fatal(err)
	}
	b, err := (&Server{Name: "notes", Plugin: "notes"}).launch("/b", provider.ClientInfo{}, none)
	if err != nil || a.server.Key != b.server.Key || a.place != b.place {
		t.Errorf("two folders, two servers: %+v, %+v, %v", a, b, err)
	}
	c, err := (&Server{Name: "notes", Command: "notes"}).launch("/a", provider.ClientInfo{}, none)
	if err != nil || c.server.Key == a.server.Key {
		t.Errorf("a configured server has the plugin's key: %+v, %v", c, err)
	}
}
