// Package serve is the plugin's half of the process contract that every kind
// of provider shares: the handshake, the manifest, the stream on which a plugin
// talks to its host, the limits of the gRPC server, and the manners of a child
// process. Plugin authors call Serve of a contract package (plugins/skill,
// plugins/mcp), which comes here, and import this one for options alone. The
// host imports it for the handshake and the manifest.
//
// It must not know any kind, nor anything of the host. Run owns the process
// that calls it: it blocks until the host says stop or is gone, and whatever
// the way, the process has ended a bounded time later.
package serve

import (
	"context"
	"io"
	"os"
	"os/signal"
	"sync"
	"syscall"
	"time"

	"github.com/hashicorp/go-hclog"
	goplugin "github.com/hashicorp/go-plugin"
	"google.golang.org/grpc"

	pluginv1 "github.com/codexhost/codexhost/plugins/proto/plugin/v1"
)

// MaxMessage bounds one gRPC message in bytes, in both directions. The default
// of 4 MiB would refuse a tool result with a picture in it.
const MaxMessage = 64 << 20

// The windows of flow control, for both ends, do not move. gRPC would measure the
// line to size them, with a ping and its echo around every message: a third of
// what a small call costs over a socket on the same machine.
const (
	StreamWindow = 1 << 20
	ConnWindow   = 4 << 20
)

// LogEnv names the variable that sets the log level of a plugin ("debug", ...).
const LogEnv = "CODEXHOST_PLUGIN_LOG"

// Handshake tells a plugin from a program that was started by accident. It
// keeps nobody out: the socket's folder and the checksum do that.
func Handshake() goplugin.HandshakeConfig {
	return goplugin.HandshakeConfig{
		MagicCookieKey:   "CODEXHOST_PLUGIN",
		MagicCookieValue: "5f0c6d1c-provider",
	}
}

// Kind is one kind of provider: its name and, for each version of its contract,
// the adapter between the Go interface and gRPC. Host and plugin each build
// their own; the highest version that both have is spoken.
type Kind struct {
	Name     string
	Versions map[int]goplugin.Plugin
	// Handshake, if set, stands for Handshake().
	Handshake goplugin.HandshakeConfig
}

// Cookie returns the handshake of the kind.
func (k Kind) Cookie() goplugin.HandshakeConfig {
	if k.Handshake.MagicCookieKey != "" {
		return k.Handshake
	}
	return Handshake()
}

// Sets returns the versions in the shape that go-plugin takes. The maps are
// fresh: go-plugin edits what it is given.
func (k Kind) Sets() map[int]goplugin.PluginSet {
	sets := make(map[int]goplugin.PluginSet, len(k.Versions))
	for v, p := range k.Versions {
		sets[v] = goplugin.PluginSet{k.Name: p}
	}
	return sets
}

// Option changes how Run behaves.
type Option func(*options)

type options struct {
	cleanup  []func(context.Context)
	grace    time.Duration
	manifest Manifest
	attach   []func(Host)
}

// About says what the plugin is. What m leaves out has defaults.
func About(m Manifest) Option { return func(o *options) { o.manifest = m } }

// Attach adds a function that is given the Host before the first call comes. It
// must not wait: the host is not there yet.
func Attach(f func(Host)) Option { return func(o *options) { o.attach = append(o.attach, f) } }

// Cleanup adds a function that runs once before the process ends: after the
// host said stop, when the host has died, and on SIGTERM. It is for ending
// processes of one's own. It gets a context that ends after the grace period;
// the process exits then, whether or not it has returned.
func Cleanup(f func(context.Context)) Option {
	return func(o *options) { o.cleanup = append(o.cleanup, f) }
}

// Grace sets how long cleanup may take; one second unless told.
func Grace(d time.Duration) Option { return func(o *options) { o.grace = d } }

// Run serves k and does not return: it ends the process.
//
// The host holds the other end of our stdin and never writes to it. End of
// file there means that the host is gone, however it went; this works on every
// system and needs no help from the host.
func Run(k Kind, opts ...Option) {
	o := options{grace: time.Second}
	for _, opt := range opts {
		opt(&o)
	}
	e := &ender{options: o}
	host := os.Stdin
	if null, err := os.Open(os.DevNull); err == nil {
		os.Stdin = null // a provider that reads its stdin gets nothing, and does not take our signal
	}
	// Like the signal handler these two last as long as the process, which e ends.
	go func() {
		io.Copy(io.Discard, host)
		e.end(alone)
	}()
	term := make(chan os.Signal, 1)
	signal.Notify(term, syscall.SIGTERM)
	go func() {
		<-term
		e.end(alone)
	}()

	link := newHostLink(o.manifest.orDefault(k))
	for _, attach := range o.attach {
		attach(link)
	}
	goplugin.Serve(&goplugin.ServeConfig{
		HandshakeConfig:  k.Cookie(),
		VersionedPlugins: k.Sets(),
		GRPCServer: func(opts []grpc.ServerOption) *grpc.Server {
			s := newServer(opts)
			pluginv1.RegisterPluginServer(s, link)
			return s
		},
		Logger: hclog.New(&hclog.LoggerOptions{
			Level:      logLevel(),
			Output:     os.Stderr,
			JSONFormat: true,
		}),
	})
	e.end(asked)
}

func newServer(opts []grpc.ServerOption) *grpc.Server {
	return grpc.NewServer(append(opts,
		grpc.MaxRecvMsgSize(MaxMessage),
		grpc.MaxSendMsgSize(MaxMessage),
		grpc.StaticStreamWindowSize(StreamWindow),
		grpc.StaticConnWindowSize(ConnWindow),
	)...)
}

func logLevel() hclog.Level {
	if l := hclog.LevelFromString(os.Getenv(LogEnv)); l != hclog.NoLevel {
		return l
	}
	return hclog.Warn
}

// ender ends the process once, after the cleanup or when that takes too long.
type ender struct {
	options
	once sync.Once
}

// Why the process ends: the host asked, and sees to what we leave behind; or we
// are alone, and must do that ourselves.
const (
	asked = false
	alone = true
)

func (e *ender) end(alone bool) {
	e.once.Do(func() {
		ctx, cancel := context.WithTimeout(context.Background(), e.grace)
		defer cancel()
		done := make(chan struct{})
		go func() {
			defer close(done)
			for _, f := range e.cleanup {
				f(ctx)
			}
		}()
		select {
		case <-done:
		case <-ctx.Done():
		}
		if alone {
			endGroup()
		}
		os.Exit(0)
	})
	select {} // another caller is already ending the process
}
