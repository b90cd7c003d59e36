package manager

import (
	"context"
	"log/slog"

	"github.com/hashicorp/go-hclog"
)

// A logHandler lets packages that log through log/slog log where everything else
// does.
type logHandler struct{ log hclog.Logger }

func (h logHandler) Enabled(_ context.Context, level slog.Level) bool {
	return hcLevel(level) >= h.log.GetLevel()
}

func (h logHandler) Handle(_ context.Context, r slog.Record) error {
	args := make([]any, 0, 2*r.NumAttrs())
	r.Attrs(func(a slog.Attr) bool {
		args = append(args, a.Key, a.Value.Any())
		return true
	})
	h.log.Log(hcLevel(r.Level), r.Message, args...)
	return nil
}

func (h logHandler) WithAttrs(attrs []slog.Attr) slog.Handler {
	args := make([]any, 0, 2*len(attrs))
	for _, a := range attrs {
		args = append(args, a.Key, a.Value.Any())
	}
	return logHandler{h.log.With(args...)}
}

func (h logHandler) WithGroup(name string) slog.Handler { return logHandler{h.log.Named(name)} }

func hcLevel(l slog.Level) hclog.Level {
	switch {
	case l < slog.LevelDebug:
		return hclog.Trace
	case l < slog.LevelInfo:
		return hclog.Debug
	case l < slog.LevelWarn:
		return hclog.Info
	case l < slog.LevelError:
		return hclog.Warn
	default:
		return hclog.Error
	}
}
