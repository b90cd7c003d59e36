package manager

import (
	"context"
	"errors"

	"github.com/codexhost/codexhost/manager/config"
	"github.com/codexhost/codexhost/manager/thread"
)

// A configuration that cannot be read stops no host: what does not need it is
// served, and what does is refused with the place of the mistake.

// hostConfig is the configuration of the host's own folder. While that is broken
// it is what holds without any file, so that a client still sees its threads.
func (m *Manager) hostConfig(ctx context.Context) (cfg *config.Config, broken bool) {
	cfg, err := m.config.Load(ctx, config.Query{Cwd: m.opts.Cwd})
	if err != nil {
		return m.config.Defaults(m.opts.Cwd), true
	}
	return cfg, false
}

// neededConfig is the configuration of the host's own folder for a request that
// means nothing without it. doing is what fails then, in the reference's words.
func (m *Manager) neededConfig(ctx context.Context, doing string) (*config.Config, error) {
	cfg, err := m.config.Load(ctx, config.Query{Cwd: m.opts.Cwd})
	if err != nil {
		return nil, unreadable(errors.New(doing + ": " + details(err)))
	}
	return cfg, nil
}

func unreadable(err error) error {
	return &thread.Failure{Kind: thread.KindConfigInvalid, Remedy: "mend the named file and try again", Err: err}
}

// details is where and why a configuration is broken.
func details(err error) string {
	var broken *config.LoadError
	if errors.As(err, &broken) {
		return broken.Details()
	}
	return err.Error()
}
