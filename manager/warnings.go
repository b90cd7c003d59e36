package manager

import (
	"context"
	"errors"

	"github.com/codexhost/codexhost/manager/config"
	"github.com/codexhost/codexhost/manager/thread"
	"github.com/codexhost/codexhost/rpc/protocol"
)

// Warnings tells a client that has just introduced itself what is wrong with the
// configuration, and with noticing its changes. The host serves all the same.
func (m *Manager) Warnings(ctx context.Context, to thread.Observer) {
	for _, text := range m.watcher.Warnings() {
		warn(ctx, to, watchWarning(text))
	}
	cfg, err := m.config.Load(ctx, config.Query{Cwd: m.opts.Cwd})
	var broken *config.LoadError
	if errors.As(err, &broken) {
		warn(ctx, to, broken.Warning())
		return
	}
	if err != nil {
		return
	}
	for _, w := range cfg.Warnings {
		warn(ctx, to, w)
	}
	for _, b := range m.programs.hooks.Load(cfg).Broken() {
		m.programs.first(b)
		warn(ctx, to, brokenHooks(b))
	}
}

// watchWarning says that changes of files are noticed late, or not at all.
func watchWarning(text string) config.Warning {
	return config.Warning{Summary: "Changed skills and settings may be noticed late.", Details: text}
}

func warn(ctx context.Context, to thread.Observer, w config.Warning) {
	n := &protocol.ConfigWarningNotification{Summary: w.Summary, Details: nonEmpty(w.Details), Path: nonEmpty(w.Path)}
	if w.Line > 0 {
		n.Range = &protocol.TextRange{Start: position(w.Line, w.Column), End: position(w.EndLine, w.EndColumn)}
	}
	to.Event(ctx, thread.Event{Kind: thread.Announced, Method: "configWarning", Params: n})
}

func position(line, column int) protocol.TextPosition {
	return protocol.TextPosition{Line: int64(line), Column: int64(column)}
}
