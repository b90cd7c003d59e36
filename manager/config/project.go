package config

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// ProjectDirs are the folders from the project root down to Cwd, both included; nil without a Cwd.
func (c *Config) ProjectDirs() []string {
	if c.Cwd == "" {
		return nil
	}
	return pathDown(c.ProjectRoot, c.Cwd)
}

// ProjectFolders are the .codex folders on that way, nearest first, those of untrusted projects included.
func (c *Config) ProjectFolders() []string {
	var out []string
	for _, l := range c.Layers {
		if l.Name.Type == LayerProject {
			out = append(out, l.Name.Folder)
		}
	}
	return out
}

// Files are the config files that were looked at, whether they exist or not, and where the user's word on the project's
// servers is kept: what to watch for changes.
func (c *Config) Files() []string {
	var out []string
	for _, l := range c.Layers {
		if l.file != "" {
			out = append(out, l.file)
		}
	}
	return append(out, filepath.Join(c.Home, pinFile))
}

// projectLayers finds the root, asks for trust and inserts the .codex folders between user and flags. Root markers and
// trust are taken from the layers read so far: a repository says nothing about itself.
func (b *builder) projectLayers() *LoadError {
	cfg, d := decodeConfig(b.merged(), b.l.opts.Environ)
	if d.err != nil {
		return b.place(d.err)
	}
	b.trusts, b.trusting = cfg.trusts, true
	b.root = b.prober.root(b.q.Cwd, cfg.Docs.RootMarkers)
	if b.root == "" {
		b.root = b.q.Cwd
	}
	at := 2
	for _, dir := range pathDown(b.root, b.q.Cwd) {
		layer, err := b.projectLayer(dir)
		if err != nil {
			return err
		}
		if layer != nil {
			b.layers = slices.Insert(b.layers, at, *layer)
			at++
		}
	}
	return nil
}

// projectLayer reads <dir>/.codex; nil when there is none.
func (b *builder) projectLayer(dir string) (*Layer, *LoadError) {
	folder := filepath.Join(dir, ".codex")
	fi, err := os.Stat(folder)
	found := err == nil && fi.IsDir()
	b.prober.marks = append(b.prober.marks, mark{folder, err == nil})
	if !found || sameFolder(folder, b.l.opts.Home) {
		return nil, nil
	}
	path := filepath.Join(folder, "config.toml")
	f := b.file(path)
	layer := &Layer{Name: LayerName{Type: LayerProject, Folder: folder}, file: path, src: f.src}
	trust, decided := trustOf(b.trusts, dir, b.root)
	layer.DisabledReason = disabledReason(trust, decided, b.l.userFile)
	if f.err != nil && trust == Trusted {
		return nil, projectError(path, f)
	}
	tree, dropped := stripProject(f.tree)
	layer.Config, layer.Version = tree, version(tree)
	if len(dropped) > 0 && trust == Trusted {
		b.warnings = append(b.warnings, Warning{Thread: true, Summary: "Ignored unsupported project-local config keys in " + path + ": " +
			strings.Join(dropped, ", ") + ". If you want these settings to apply, manually set them in your user-level config.toml."})
	}
	return layer, nil
}

// projectError keeps the file's own view of a syntax error in the text; it has no range because the path is not the user's.
func projectError(path string, f *textFile) *LoadError {
	e := *f.err
	if e.Line > 0 {
		e.Why = syntaxBlock("Error parsing project config file "+path+": ", f.src, e)
		e.Line = 0
	}
	return &e
}

func disabledReason(t Trust, dir, userFile string) string {
	const load = "To load project-local config, hooks, and exec policies, "
	switch t {
	case Trusted:
		return ""
	case Untrusted:
		return dir + " is marked as untrusted in the effective configuration. " + load +
			"update its trust setting. If that setting is managed by your organization, contact your administrator."
	}
	return load + "add " + dir + " as a trusted project in " + userFile + "."
}

func sameFolder(a, b string) bool {
	fa, err := os.Stat(a)
	if err != nil {
		return false
	}
	fb, err := os.Stat(b)
	return err == nil && os.SameFile(fa, fb)
}

// pathDown lists the folders from root to dir, both included.
func pathDown(root, dir string) []string {
	out := []string{dir}
	for dir != root {
		parent := filepath.Dir(dir)
		if parent == dir {
			break
		}
		dir = parent
		out = append(out, dir)
	}
	slices.Reverse(out)
	return out
}
