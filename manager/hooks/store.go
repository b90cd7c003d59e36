package hooks

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/codexhost/codexhost/manager/config"
	"github.com/codexhost/codexhost/rpc/protocol"
)

// fileName is the file of hooks in the folder of a layer.
const fileName = "hooks.json"

// fileMost is how much of such a file is read; a longer one is an error.
const fileMost = 1 << 20

// A Store finds the hooks of configurations and keeps those of the last one. It
// is safe for concurrent use.
type Store struct {
	// TrustAll has every hook run, trusted or not.
	TrustAll bool
	// Behind runs the hooks that nobody waits for.
	Behind *Background

	mu     sync.Mutex // guards the fields below
	layers string
	stamps []stamp
	set    *Set
}

// A stamp tells one state of a file from another.
type stamp struct {
	at   time.Time
	size int64 // -1 where there is none
}

func stampOf(path string) stamp {
	info, err := os.Stat(path)
	if err != nil {
		return stamp{size: -1}
	}
	return stamp{info.ModTime(), info.Size()}
}

// Load finds the hooks that hold under a configuration; nil where there is
// nothing, not even a warning.
func (s *Store) Load(cfg *config.Config) *Set {
	if !cfg.Feature("hooks") {
		return nil
	}
	places := placesOf(cfg)
	stamps := make([]stamp, len(places))
	for i, p := range places {
		stamps[i] = stamp{size: -1}
		if p.file != "" {
			stamps[i] = stampOf(p.file)
		}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	layers := layersOf(cfg)
	if s.layers == layers && slices.EqualFunc(s.stamps, stamps, stamp.same) {
		return s.set
	}
	set := read(places, statesOf(cfg), s.TrustAll)
	if set != nil {
		set.behind = s.Behind
	}
	s.layers, s.stamps, s.set = layers, stamps, set
	return set
}

func (s stamp) same(t stamp) bool { return s.size == t.size && s.at.Equal(t.at) }

// layersOf tells one stack of layers from another.
func layersOf(cfg *config.Config) string {
	var b strings.Builder
	for i := range cfg.Layers {
		l := &cfg.Layers[i]
		b.WriteString(l.Name.File + "\x00" + l.Name.Folder + "\x00" + l.DisabledReason + "\x00" + l.Version + "\x00")
	}
	return b.String()
}

// A place is where hooks may stand: a file, and the table of a layer.
type place struct {
	file    string // hooks.json; empty for a layer without a folder
	toml    string // the path by which hooks of the table are known
	table   map[string]any
	source  protocol.HookSource
	managed bool // by whoever administers the machine, who needs no trust
}

// placesOf are the places of the active layers, weakest first.
func placesOf(cfg *config.Config) []place {
	var places []place
	for i := len(cfg.Layers) - 1; i >= 0; i-- {
		l := &cfg.Layers[i]
		if l.DisabledReason != "" {
			continue
		}
		p := place{toml: l.Name.File}
		p.table, _ = l.Config["hooks"].(map[string]any)
		switch l.Name.Type {
		case config.LayerSystem:
			p.source, p.managed = protocol.HookSourceSystem, true
		case config.LayerUser:
			p.source = protocol.HookSourceUser
		case config.LayerProject:
			p.source, p.toml = protocol.HookSourceProject, filepath.Join(l.Name.Folder, "config.toml")
		case config.LayerFlags:
			p.source, p.toml = protocol.HookSourceSessionFlags, string(filepath.Separator)+filepath.Join("<session-flags>", "config.toml")
		default:
			continue
		}
		if l.Name.Type == config.LayerSystem && filepath.Dir(p.toml) == cfg.Home {
			p.managed = false // one folder for both: what the user can write is the user's
		} else if l.Name.Type != config.LayerFlags {
			p.file = filepath.Join(filepath.Dir(p.toml), fileName)
		}
		places = append(places, p)
	}
	return places
}

// A state is what the user decided about a hook.
type state struct {
	Hash    string `json:"trusted_hash"`
	Enabled *bool  `json:"enabled"`
}

// statesOf reads what the user decided, never what a project says of itself.
func statesOf(cfg *config.Config) map[string]state {
	all := make(map[string]state)
	for i := len(cfg.Layers) - 1; i >= 0; i-- {
		l := &cfg.Layers[i]
		table, _ := l.Config["hooks"].(map[string]any)
		if table["state"] == nil || l.Name.Type != config.LayerUser && l.Name.Type != config.LayerFlags {
			continue
		}
		entries, _ := table["state"].(map[string]any)
		for key, value := range entries {
			st := all[key]
			if raw, err := json.Marshal(value); err != nil || json.Unmarshal(raw, &st) != nil {
				continue // what cannot be read gives no trust
			}
			all[key] = st
		}
	}
	return all
}

// read makes the set of all places.
func read(places []place, states map[string]state, trustAll bool) *Set {
	set := &Set{}
	for _, p := range places {
		set.read(p)
	}
	for i, h := range set.hooks {
		h.order = i
		st := states[h.key]
		h.bypass = trustAll
		h.off = st.Enabled != nil && !*st.Enabled && h.trust == "" // whoever administers the machine decides about theirs
		switch {
		case h.trust != "":
		case st.Hash == h.hash:
			h.trust = protocol.HookTrustStatusTrusted
		case st.Hash != "":
			h.trust = protocol.HookTrustStatusModified
		default:
			h.trust = protocol.HookTrustStatusUntrusted
		}
	}
	if len(set.hooks) == 0 && len(set.warnings) == 0 {
		return nil
	}
	return set
}

// read adds the hooks of one place. A part that cannot be read costs itself only.
func (s *Set) read(p place) {
	var parts [2]map[Event][]groupFile
	var err error
	if parts[0], err = readFile(p.file); err != nil {
		s.bad(p.file, fmt.Sprintf("failed to parse hooks config %s: %v", p.file, err))
	}
	if len(p.table) > 0 {
		raw, err := json.Marshal(p.table)
		if err == nil {
			parts[1], err = parseEvents(raw)
		}
		if err != nil {
			s.bad(p.toml, fmt.Sprintf("failed to parse TOML hooks in %s: %v", p.toml, err))
		}
	}
	if len(parts[0]) > 0 && len(parts[1]) > 0 {
		s.warnings = append(s.warnings, fmt.Sprintf("loading hooks from both %s and %s; prefer a single representation for this layer", p.file, p.toml))
	}
	for i, path := range []string{p.file, p.toml} {
		hooks, warnings := hooksOf(path, parts[i])
		for _, h := range hooks {
			h.source = p.source
			if p.managed {
				h.trust = protocol.HookTrustStatusManaged
			}
		}
		s.hooks = append(s.hooks, hooks...)
		s.warnings = append(s.warnings, warnings...)
	}
}

func (s *Set) bad(path, why string) {
	s.warnings = append(s.warnings, why)
	s.broken = append(s.broken, Broken{path, why})
}

func readFile(path string) (map[Event][]groupFile, error) {
	if path == "" {
		return nil, nil
	}
	info, err := os.Stat(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil, nil
	case err != nil:
		return nil, err
	case !info.Mode().IsRegular():
		return nil, errors.New("not a file")
	case info.Size() > fileMost:
		return nil, fmt.Errorf("longer than %d bytes", fileMost)
	}
	data, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	return parseFile(data)
}
