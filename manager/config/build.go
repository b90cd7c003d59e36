package config

import (
	"fmt"
	"slices"
	"strings"
)

// decode reads the merged tree, then every active layer by itself: that is where errors get their place, unknown
// settings their file, and skill rules their order.
func (b *builder) decode(tree map[string]any) (*Config, *LoadError) {
	cfg, whole := decodeConfig(tree, b.l.opts.Environ)
	if whole.err != nil {
		return nil, b.place(whole.err)
	}
	cfg.Skills.Rules = nil
	var unknown []string
	for i := range b.layers {
		l := &b.layers[i]
		if l.DisabledReason != "" {
			continue
		}
		own, d := decodeConfig(l.Config, b.l.opts.Environ)
		if l.Name.Type == LayerProject {
			markProjectServers(cfg, l)
		} else {
			for _, r := range own.Skills.Rules {
				r.Layer = l.Name.Type
				cfg.Skills.Rules = append(cfg.Skills.Rules, r)
			}
		}
		if len(d.unknown) > 0 && b.l.opts.Strict {
			return nil, strictError(l, d.unknown[0])
		}
		unknown = append(unknownIn(l, d.unknown), unknown...)
	}
	if len(unknown) > 0 {
		w := ignoredSettings(unknown)
		w.Thread = true
		b.warnings = append([]Warning{w}, b.warnings...)
	}
	return cfg, nil
}

func markProjectServers(cfg *Config, l *Layer) {
	servers, _ := l.Config["mcp_servers"].(map[string]any)
	for name := range servers {
		if s, ok := cfg.McpServers[name]; ok {
			s.FromProject = true
			cfg.McpServers[name] = s
		}
	}
}

func unknownIn(l *Layer, paths [][]string) []string {
	out := make([]string, len(paths))
	for i, p := range paths {
		out[i] = l.label() + ": `" + strings.Join(p, ".") + "`"
	}
	slices.Sort(out)
	return out
}

func strictError(l *Layer, path []string) *LoadError {
	e := &LoadError{Key: JoinKeyPath(path), Why: "unknown configuration field `" + strings.Join(path, ".") + "`", Fatal: true}
	placeIn(e, l, path)
	return e
}

// place finds the file and the position of a wrong value: the strongest layer that has the same complaint when read
// alone, else the strongest that has the key.
func (b *builder) place(e *LoadError) *LoadError {
	if e.Key == "" {
		return e
	}
	path, err := ParseKeyPath(e.Key)
	if err != nil {
		return e
	}
	for i := len(b.layers) - 1; i >= 0; i-- {
		l := &b.layers[i]
		if _, ok := lookupAny(l.Config, path); l.DisabledReason != "" || !ok {
			continue
		}
		if l.Name.Type == LayerFlags {
			e.Fatal = true
		}
		placeIn(e, l, path)
		return e
	}
	return e
}

// placeIn fills in the position of path in the layer's text; a layer without a text leaves the error as it is.
func placeIn(e *LoadError, l *Layer, path []string) {
	if l.file == "" {
		return
	}
	at, ok := locate(l.src, path)
	if !ok {
		return
	}
	e.File = l.file
	e.Line, e.Column = position(l.src, at.start)
	e.EndLine, e.EndColumn = position(l.src, max(at.start, at.end-1))
	if e.Why == wordWanted {
		e.Why = "wanted string or table"
	}
}

// lookupAny is lookup that also walks into arrays by index.
func lookupAny(m map[string]any, path []string) (any, bool) {
	var v any = m
	for _, p := range path {
		switch x := v.(type) {
		case map[string]any:
			e, ok := x[p]
			if !ok {
				return nil, false
			}
			v = e
		case []any:
			var i int
			if _, err := fmt.Sscan(p, &i); err != nil || i < 0 || i >= len(x) {
				return nil, false
			}
			v = x[i]
		default:
			return nil, false
		}
	}
	return v, true
}

// finish fills in what trust decides and what the answer is made of.
func (b *builder) finish(c *Config) {
	c.Home, c.Cwd, c.ProjectRoot = b.l.opts.Home, b.q.Cwd, b.root
	if b.trusting { // a project layer has no say in trust
		c.trusts = b.trusts
		c.Trust, _ = trustOf(c.trusts, b.q.Cwd, b.root)
	}
	if !c.ApprovalSet {
		c.Approval.Mode = "on-request"
		if c.Trust == Untrusted {
			c.Approval.Mode = "untrusted"
		}
	}
	if !c.SandboxSet {
		c.Sandbox = "read-only"
		if c.Trust != Undecided {
			c.Sandbox = "workspace-write"
		}
	}
	c.Warnings = append(b.disabledWarning(), b.warnings...)
	for i := len(b.layers) - 1; i >= 0; i-- {
		if t := b.layers[i].Name.Type; t != layerThread && t != layerRole {
			c.Layers = append(c.Layers, b.layers[i])
		}
	}
}

func (b *builder) disabledWarning() []Warning {
	var s strings.Builder
	n := 0
	for _, l := range b.layers {
		if l.DisabledReason == "" {
			continue
		}
		n++
		fmt.Fprintf(&s, "    %d. %s\n       %s\n", n, l.Name.Folder, l.DisabledReason)
	}
	if n == 0 {
		return nil
	}
	return []Warning{{Summary: "Project-local config, hooks, and exec policies are disabled in the following folders until the project is trusted, " +
		"but skills still load.\n" + s.String()}}
}

// syntaxBlock shows the line an error is in, with a mark under its column.
func syntaxBlock(intro, src string, e LoadError) string {
	lines := strings.Split(src, "\n")
	line := ""
	if e.Line <= len(lines) {
		line = strings.TrimSuffix(lines[e.Line-1], "\r")
	}
	gutter := strings.Repeat(" ", len(fmt.Sprint(e.Line)))
	return fmt.Sprintf("%sTOML parse error at line %d, column %d\n%s |\n%d | %s\n%s | %s^\n%s\n",
		intro, e.Line, e.Column, gutter, e.Line, line, gutter, strings.Repeat(" ", e.Column-1), e.Why)
}
