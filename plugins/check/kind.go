package check

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

// Kind finds out of what kind a plugin is, which it starts for that. The error
// is that it does not start, or serves no contract, or several.
func Kind(ctx context.Context, t Target, limits Limits) (string, error) {
	path, err := filepath.Abs(t.Path)
	if err != nil {
		return "", fmt.Errorf("finding %s: %w", t.Path, err)
	}
	t.Path = path
	dir, err := os.MkdirTemp("", "cxck")
	if err != nil {
		return "", fmt.Errorf("making the check's folder: %w", err)
	}
	defer os.RemoveAll(dir)
	s := &suite{target: t, limits: limits.orDefault(), dir: dir}
	p, err := s.start(ctx, s.versions())
	if p != nil {
		defer p.end()
	}
	if err == nil {
		err = p.ping(ctx, s.limits.Answer)
	}
	if err == nil {
		err = kind(ctx, s, p)
	}
	if err != nil {
		if lines := p.lastLines(); lines != "" {
			return "", fmt.Errorf("%w; it last wrote: %s", err, lines)
		}
		return "", err
	}
	return s.contract.kind(), nil
}

// lastLines is the end of what a plugin wrote to stderr.
func (p *process) lastLines() string {
	if p == nil {
		return ""
	}
	lines := p.stderr.Lines()
	return strings.Join(lines[max(0, len(lines)-3):], " | ")
}
