package config

import (
	"context"
	"log/slog"
	"os"
	"path/filepath"
	"runtime"
	"sync"
)

// Options say where the configuration comes from. Only Home is required.
type Options struct {
	Home       string // codex home folder, absolute
	SystemFile string // default /etc/codex/config.toml
	Flags      []string
	Enable     []string
	Disable    []string
	Strict     bool                // unknown settings are errors
	Environ    func(string) string // default os.Getenv
	Logger     *slog.Logger
}

// Query asks for the configuration of one place.
type Query struct {
	// Cwd is the folder whose project layers count, absolute; empty for none.
	Cwd string
	// Overrides is the config map of a thread's start, resume or fork; keys may be dotted. It is not changed.
	Overrides map[string]any
	// Role is the file of an agent's role, absolute; empty for none. It says more than anything else, about what a
	// project's file may be about.
	Role string
}

// Loader reads configurations. It is safe for concurrent use and holds nothing that needs closing.
type Loader struct {
	opts     Options
	userFile string
	userHome string
	files    fileCache
	flags    func() (Layer, *LoadError)
	writing  sync.Mutex // one write at a time
	pinning  sync.Mutex // one change of the pins at a time

	mu    sync.Mutex
	cache map[string]*loaded // by cwd, without overrides
}

// loaded is one answer and everything it depends on.
type loaded struct {
	cfg   *Config
	err   *LoadError
	files map[string]*textFile
	marks []mark
}

// maxCached bounds the answers kept; a client that asks for thousands of folders gets them computed.
const maxCached = 256

// New touches no file.
func New(o Options) *Loader {
	if o.SystemFile == "" {
		o.SystemFile = "/etc/codex/config.toml"
		if runtime.GOOS == "windows" {
			o.SystemFile = filepath.Join(os.Getenv("ProgramData"), "OpenAI", "Codex", "config.toml")
		}
	}
	if o.Environ == nil {
		o.Environ = os.Getenv
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	l := &Loader{opts: o, userFile: filepath.Join(o.Home, "config.toml"), cache: map[string]*loaded{}}
	l.userHome = o.Environ("HOME")
	if l.userHome == "" {
		l.userHome = o.Environ("USERPROFILE")
	}
	l.flags = sync.OnceValues(l.readFlags)
	return l
}

// UserFile is the path of the user's config.toml, which need not exist.
func (l *Loader) UserFile() string { return l.userFile }

func (l *Loader) readFlags() (Layer, *LoadError) {
	layer := Layer{Name: LayerName{Type: LayerFlags}}
	tree, err := parseFlags(l.opts.Flags, l.opts.Enable, l.opts.Disable)
	if err != nil {
		return layer, err
	}
	if cwd, err := os.Getwd(); err == nil {
		resolvePaths(tree, cwd, l.userHome)
	}
	layer.Config, layer.Version = tree, version(tree)
	return layer, nil
}

// Load answers the configuration as it is on disk now. When no file changed since the last call for the same folder
// and there are no overrides, the same *Config comes back. The error is always a [*LoadError].
func (l *Loader) Load(ctx context.Context, q Query) (*Config, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	if len(q.Overrides) > 0 || q.Role != "" {
		return answer(l.build(ctx, q))
	}
	l.mu.Lock()
	old := l.cache[q.Cwd]
	l.mu.Unlock()
	if old != nil && old.fresh() {
		return answer(old)
	}
	built := l.build(ctx, q)
	l.mu.Lock()
	if len(l.cache) >= maxCached {
		clear(l.cache)
	}
	l.cache[q.Cwd] = built
	l.mu.Unlock()
	return answer(built)
}

// Defaults is the configuration with no file, flag or override at all: what a host runs on while its file is broken.
func (l *Loader) Defaults(cwd string) *Config {
	b := &builder{l: l, q: Query{Cwd: cwd}, out: &loaded{}}
	c, _ := decodeConfig(map[string]any{}, l.opts.Environ)
	b.finish(c)
	return c
}

func answer(e *loaded) (*Config, error) {
	if e.err != nil {
		return nil, e.err
	}
	return e.cfg, nil
}

// fresh looks at every file and marker again, without reading any.
func (e *loaded) fresh() bool {
	for path, f := range e.files {
		st, err := stampOf(path)
		if !f.settled || st != f.stamp || err != nil && !os.IsNotExist(err) {
			return false
		}
	}
	for _, m := range e.marks {
		if _, err := os.Stat(m.path); (err == nil) != m.found {
			return false
		}
	}
	return true
}

// build computes an answer from the files, which come from the cache where they did not change.
func (l *Loader) build(ctx context.Context, q Query) *loaded {
	b := &builder{l: l, q: q, out: &loaded{files: map[string]*textFile{}}}
	cfg, err := b.run(ctx)
	b.out.cfg, b.out.err = cfg, err
	if err != nil {
		l.opts.Logger.Warn("configuration cannot be used", "error", err.Details())
	}
	return b.out
}

// builder is one run of build.
type builder struct {
	l      *Loader
	q      Query
	out    *loaded
	prober prober

	layers   []Layer // weakest first, disabled ones included
	root     string
	trusts   map[string]Trust
	trusting bool // trusts is read
	warnings []Warning
}

func (b *builder) run(ctx context.Context) (*Config, *LoadError) {
	if err := b.baseLayers(); err != nil {
		return nil, err
	}
	if b.q.Cwd != "" {
		if err := b.projectLayers(); err != nil {
			return nil, err
		}
	}
	b.out.marks = b.prober.marks
	cfg, err := b.decode(b.merged())
	if err != nil {
		return nil, err
	}
	b.finish(cfg)
	b.holdBack(ctx, cfg)
	cfg.Overrides, cfg.Role = b.q.Overrides, b.q.Role
	if n := len(b.layers); n > 0 && b.layers[n-1].Name.Type == layerRole {
		cfg.role = b.layers[n-1].Config
	}
	return cfg, nil
}

// baseLayers reads what does not depend on the folder.
func (b *builder) baseLayers() *LoadError {
	for _, f := range []struct {
		kind LayerType
		path string
	}{{LayerSystem, b.l.opts.SystemFile}, {LayerUser, b.l.userFile}} {
		file := b.file(f.path)
		if file.err != nil {
			return file.err
		}
		b.layers = append(b.layers, Layer{
			Name: LayerName{Type: f.kind, File: f.path}, Version: file.version, Config: file.tree, file: f.path, src: file.src,
		})
	}
	flags, err := b.l.flags()
	if err != nil {
		return err
	}
	if len(flags.Config) > 0 {
		b.layers = append(b.layers, flags)
	}
	if len(b.q.Overrides) > 0 {
		tree := overrideTree(b.q.Overrides)
		resolvePaths(tree, b.q.Cwd, b.l.userHome)
		b.layers = append(b.layers, Layer{Name: LayerName{Type: layerThread}, Config: tree})
	}
	return b.role()
}

// role reads the file of an agent's role. Unlike others it was named by somebody, so it must be there.
func (b *builder) role() *LoadError {
	path := b.q.Role
	if path == "" {
		return nil
	}
	f := b.file(path)
	if f.err != nil {
		return f.err
	}
	if f.stamp == (stamp{}) {
		return &LoadError{Why: "Failed to read config file " + path + ": no such file"}
	}
	tree, _ := stripProject(f.tree)
	b.layers = append(b.layers, Layer{Name: LayerName{Type: layerRole}, Config: tree, file: path, src: f.src})
	return nil
}

func (b *builder) file(path string) *textFile {
	f := b.l.files.read(path, b.l.userHome)
	b.out.files[path] = f
	return f
}

// merged lays the active layers on top of each other.
func (b *builder) merged() map[string]any {
	tree := map[string]any{}
	for _, l := range b.layers {
		if l.DisabledReason == "" {
			tree = merge(tree, l.Config)
		}
	}
	return tree
}
