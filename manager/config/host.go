package config

import (
	"encoding/json"
	"time"
)

// Host is the [codexhost] table: what this host adds to the file it shares with codex.
type Host struct {
	Fsync           string // turn (one sync a turn, before it is announced), off
	OnEOF           string // drain, interrupt (or abort): what a closed stdin does to a running turn
	InterruptKills  bool   // an interrupt kills what the interrupted call itself started
	KeepSecrets     bool   // commands inherit variables that look like secrets
	Plugins         map[string]Plugin
	Hide            []string // [codexhost.sandbox] hide: paths no command may read; nil: the default list
	HideSet         bool
	IdleUnloadSec   *int64
	AnswerLimit     time.Duration // [codexhost.approvals] timeout_sec: what nobody answers in time is declined; 0: never
	OfflineFallback bool          // answer with the built-in offline model when nothing is configured
}

// Plugin is one [codexhost.plugins.<name>] table: a provider process that the user named.
type Plugin struct {
	Name     string
	Kind     string // skill, mcp
	Path     string // absolute
	Args     []string
	Checksum string // sha256 of the binary, hex; empty: not pinned
	Enabled  bool
	Env      []string        // names of variables the plugin may see
	Settings json.RawMessage // its own: what the table `settings` holds, as a JSON object; nil if there is none
}

func readHost(root *node) Host {
	h := Host{Fsync: "turn", OnEOF: "drain", InterruptKills: true, OfflineFallback: true}
	n := root.table("codexhost", "struct CodexHost")
	if n == nil {
		return h
	}
	defer n.done()
	h.Fsync = orWord(n.oneOf("fsync", "turn", "off"), h.Fsync)
	h.OnEOF = orWord(n.oneOf("on_eof", "drain", "interrupt", "abort"), h.OnEOF)
	h.InterruptKills = n.boolean("interrupt_kills", true)
	h.KeepSecrets = n.boolean("keep_secrets", false)
	h.IdleUnloadSec = n.optInt("idle_unload_sec", "u64")
	h.OfflineFallback = n.boolean("offline_fallback", true)
	if a := n.table("approvals", "struct CodexHostApprovals"); a != nil {
		if sec := a.optInt("timeout_sec", "u64"); sec != nil {
			h.AnswerLimit = time.Duration(*sec) * time.Second
		}
		a.done()
	}
	if s := n.table("sandbox", "struct CodexHostSandbox"); s != nil {
		h.HideSet = s.has("hide")
		h.Hide = s.strs("hide")
		s.done()
	}
	h.Plugins = readPlugins(n)
	return h
}

func readPlugins(n *node) map[string]Plugin {
	t := n.table("plugins", "a map")
	if t == nil {
		return nil
	}
	out := make(map[string]Plugin, len(t.vals))
	for _, name := range t.keys() {
		p := t.child(name, "struct CodexHostPlugin")
		if p == nil {
			continue
		}
		out[name] = Plugin{
			Name: name, Kind: p.oneOf("kind", "skill", "mcp"), Path: p.str("path"), Args: p.strs("args"),
			Checksum: p.str("checksum"), Enabled: p.boolean("enabled", true), Env: p.strs("env"),
			Settings: p.json("settings"),
		}
		switch {
		case !p.has("path"):
			p.fail("missing field `path`")
		case !p.has("kind"):
			p.fail("missing field `kind`")
		}
		p.done()
	}
	return out
}

func orWord(v, def string) string {
	if v == "" {
		return def
	}
	return v
}
