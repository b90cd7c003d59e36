package config

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// Trust is given to a folder, and what its files have run may be something else after the next pull. So it is pinned when
// the project is first seen to be trusted: by name, the hash of each MCP server that a project's file has a say in. What is
// new or different since does not run until the user accepts it.

// pinFile is where pins are kept, in the home folder. A project has no say in it.
const pinFile = "codexhost-trust.json"

// pins are hashes by the root of the project and the name of the server.
type pins map[string]map[string]string

// ErrNotAccepted marks servers of a trusted project that are not what was trusted.
var ErrNotAccepted = errors.New("not accepted")

// holdBack marks the servers that are not pinned, and pins those of a project that is seen for the first time. Called last.
func (b *builder) holdBack(ctx context.Context, c *Config) {
	now := projectServers(c)
	if c.Trust != Trusted && len(now) == 0 {
		return
	}
	file := filepath.Join(b.l.opts.Home, pinFile)
	st, _ := stampOf(file)
	all, err := readPins(file)
	root := canonicalDir(b.root)
	known, seen := all[root]
	switch {
	case err != nil: // somebody cut it short: nothing is known, and nothing is taken for known
	case !seen:
		err := b.l.changePins(ctx, func(p pins) { p[root] = now })
		if err != nil {
			b.l.opts.Logger.Warn("what the project may run is not pinned", "project", root, "error", err)
		}
		return
	}
	if len(now) > 0 {
		b.out.files[file] = &textFile{stamp: st, settled: true}
	}
	var held []string
	for _, name := range slices.Sorted(maps.Keys(now)) {
		if known[name] == now[name] {
			continue
		}
		s := c.McpServers[name]
		s.Err = fmt.Errorf("MCP server `%s` is %w: it comes from the files of %s and is not what it was when that was trusted; "+
			"to run it: codexhost trust --accept %s", name, ErrNotAccepted, root, root)
		c.McpServers[name] = s
		held = append(held, "`"+name+"`")
	}
	if len(held) > 0 {
		c.Warnings = append(c.Warnings, Warning{Thread: true, Summary: "The files of " + root + " name MCP servers that are new or different since it was trusted: " +
			strings.Join(held, ", ") + ". They do not run until you accept them: codexhost trust --accept " + root})
	}
}

// projectServers are the hashes of what the project's files say of each server that they name. What the user says of the
// same one, there or in a thread's overrides, is theirs to change.
func projectServers(c *Config) map[string]string {
	var all map[string]any
	for i := len(c.Layers) - 1; i >= 0; i-- { // the weakest comes last
		l := &c.Layers[i]
		if servers, ok := l.Config["mcp_servers"].(map[string]any); ok && l.Name.Type == LayerProject && l.DisabledReason == "" {
			all = merge(all, servers)
		}
	}
	out := make(map[string]string, len(all))
	for name, s := range all {
		if table, ok := s.(map[string]any); ok && c.McpServers[name].FromProject {
			out[name] = version(table)
		}
	}
	return out
}

// A ProjectServer is an MCP server that the files of a project name, or say something of.
type ProjectServer struct {
	McpServer
	Accepted bool // it may run, once the project is trusted
}

// ProjectServers are those of the active layers, by name.
func (c *Config) ProjectServers() []ProjectServer {
	var out []ProjectServer
	for _, name := range slices.Sorted(maps.Keys(c.McpServers)) {
		if s := c.McpServers[name]; s.FromProject {
			out = append(out, ProjectServer{s, !errors.Is(s.Err, ErrNotAccepted)})
		}
	}
	return out
}

// AcceptProject pins what the project of a folder has run as it is now, and returns the configuration that then holds.
func (l *Loader) AcceptProject(ctx context.Context, cwd string) (*Config, error) {
	c, err := l.Load(ctx, Query{Cwd: cwd})
	if err != nil {
		return nil, err
	}
	if err := l.changePins(ctx, func(p pins) { p[canonicalDir(c.ProjectRoot)] = projectServers(c) }); err != nil {
		return nil, err
	}
	return l.Load(ctx, Query{Cwd: cwd})
}

// forget drops the pins of projects about whose trust the user has decided anew.
func (l *Loader) forget(ctx context.Context, edits []Edit) error {
	var roots []string
	for _, e := range edits {
		if path, err := ParseKeyPath(e.KeyPath); err == nil && path[0] == "projects" && len(path) > 1 {
			roots = append(roots, canonicalDir(path[1]))
		}
	}
	if len(roots) == 0 {
		return nil
	}
	return l.changePins(ctx, func(p pins) {
		for _, r := range roots {
			delete(p, r)
		}
	})
}

// changePins edits the file, and leaves it alone if nothing changes. Other hosts of this home wait meanwhile.
func (l *Loader) changePins(ctx context.Context, change func(pins)) error {
	l.pinning.Lock()
	defer l.pinning.Unlock()
	file := filepath.Join(l.opts.Home, pinFile)
	for range 20 {
		st, _ := stampOf(file)
		p, err := readPins(file)
		if err != nil && ctx.Err() == nil {
			p = pins{} // it says nothing that can be kept
		}
		before, _ := json.Marshal(p)
		change(p)
		after, err := json.MarshalIndent(p, "", "  ")
		if compact, _ := json.Marshal(p); err != nil || string(compact) == string(before) {
			return err
		}
		err = replaceFile(file, string(after)+"\n", func() bool { now, _ := stampOf(file); return now == st })
		if !errors.Is(err, errOvertaken) {
			if err != nil {
				return fmt.Errorf("writing %s: %w", file, err)
			}
			return nil
		}
	}
	return fmt.Errorf("writing %s: %w", file, errOvertaken)
}

func readPins(file string) (pins, error) {
	b, err := os.ReadFile(file)
	if errors.Is(err, fs.ErrNotExist) {
		return pins{}, nil
	}
	if err != nil {
		return nil, err
	}
	var p pins
	if err := json.Unmarshal(b, &p); err != nil {
		return nil, fmt.Errorf("reading %s: %w", file, err)
	}
	if p == nil {
		p = pins{}
	}
	return p, nil
}

// canonicalDir is a folder by its real name, as far as there is one.
func canonicalDir(dir string) string {
	if real, err := filepath.EvalSymlinks(dir); err == nil {
		return real
	}
	return filepath.Clean(dir)
}
