package serve

import (
	"maps"
	"os"
	"path/filepath"
	"runtime/debug"
	"slices"
	"strings"

	pluginv1 "github.com/codexhost/codexhost/plugins/proto/plugin/v1"
)

// Manifest is what a plugin says of itself. All of it may be left out.
type Manifest struct {
	Name        string // what it calls itself; the program's name unless set
	Version     string // its own, in any form; that of the build unless set
	Description string // one sentence for people
	// Contracts are the kinds that it serves, with the versions of each; [Run]
	// fills them in.
	Contracts map[string][]int
	// Capabilities are what it does beyond what its contract asks of all.
	Capabilities []string
	// Env are the variables of the user's environment that it would like to see.
	// It sees those alone that the user allows.
	Env []Variable
	// Needs are what it uses of the host: "log", "elicit", "settings", "changed".
	Needs []string
	// Settings are the keys that it reads of its settings.
	Settings []Setting
}

// Variable is a variable of the environment that a plugin asks for.
type Variable struct {
	Name     string
	Why      string // in words for people
	Required bool   // without it the plugin is of no use
}

// Setting is a key of a plugin's settings.
type Setting struct {
	Name        string // dotted where it lies in a table
	Description string
	Required    bool
}

// orDefault fills in what the author left out.
func (m Manifest) orDefault(k Kind) Manifest {
	if m.Name == "" {
		m.Name = strings.TrimSuffix(filepath.Base(os.Args[0]), ".exe")
	}
	if m.Version == "" {
		m.Version = buildVersion()
	}
	m.Contracts = map[string][]int{k.Name: slices.Sorted(maps.Keys(k.Versions))}
	return m
}

// buildVersion is the version that the Go command stamped into the program.
func buildVersion() string {
	if info, ok := debug.ReadBuildInfo(); ok && info.Main.Version != "" {
		return info.Main.Version
	}
	return "(devel)"
}

func (m Manifest) toProto() *pluginv1.Manifest {
	p := &pluginv1.Manifest{
		Name: text(m.Name), Version: text(m.Version), Description: text(m.Description),
		Capabilities: texts(m.Capabilities), Needs: texts(m.Needs),
	}
	for _, kind := range slices.Sorted(maps.Keys(m.Contracts)) {
		c := &pluginv1.Contract{Kind: text(kind)}
		for _, v := range m.Contracts[kind] {
			c.Versions = append(c.Versions, uint32(v))
		}
		p.Contracts = append(p.Contracts, c)
	}
	for _, v := range m.Env {
		p.Env = append(p.Env, &pluginv1.Variable{Name: text(v.Name), Why: text(v.Why), Required: v.Required})
	}
	for _, s := range m.Settings {
		p.Settings = append(p.Settings, &pluginv1.Setting{Name: text(s.Name), Description: text(s.Description), Required: s.Required})
	}
	return p
}

// ManifestFrom is the Go of a manifest as it came over the wire.
func ManifestFrom(p *pluginv1.Manifest) Manifest {
	m := Manifest{
		Name: p.GetName(), Version: p.GetVersion(), Description: p.GetDescription(),
		Contracts: make(map[string][]int), Capabilities: p.GetCapabilities(), Needs: p.GetNeeds(),
	}
	for _, c := range p.GetContracts() {
		for _, v := range c.GetVersions() {
			m.Contracts[c.GetKind()] = append(m.Contracts[c.GetKind()], int(v))
		}
	}
	for _, v := range p.GetEnv() {
		m.Env = append(m.Env, Variable{Name: v.GetName(), Why: v.GetWhy(), Required: v.GetRequired()})
	}
	for _, s := range p.GetSettings() {
		m.Settings = append(m.Settings, Setting{Name: s.GetName(), Description: s.GetDescription(), Required: s.GetRequired()})
	}
	return m
}

// text makes s fit for a protobuf string, which refuses what is not UTF-8.
func text(s string) string { return strings.ToValidUTF8(s, "\uFFFD") }

func texts(all []string) []string {
	out := make([]string, len(all))
	for i, s := range all {
		out[i] = text(s)
	}
	return out
}
