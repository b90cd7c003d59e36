package check

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	pluginv1 "github.com/codexhost/codexhost/plugins/proto/plugin/v1"
	"github.com/codexhost/codexhost/plugins/serve"
)

// The rules about what a plugin may serve beside its contract.

const noStream = skip("it does not talk to its host, and need not")

func manifest(ctx context.Context, s *suite, p *process) error {
	ctx, cancel := context.WithTimeout(ctx, s.limits.Answer)
	defer cancel()
	m, err := p.host.client.Describe(ctx, &pluginv1.DescribeRequest{})
	switch {
	case status.Code(err) == codes.Unimplemented:
		return skip("it has no manifest, and need not have one")
	case err != nil:
		return fmt.Errorf("asking for its manifest: %w", err)
	case m.GetName() == "":
		return errors.New("its manifest has no name")
	case m.GetVersion() == "":
		return errors.New("its manifest has no version; any text will do")
	}
	serves := slices.ContainsFunc(m.GetContracts(), func(c *pluginv1.Contract) bool {
		return c.GetKind() == s.contract.kind() && slices.Contains(c.GetVersions(), uint32(s.version))
	})
	if !serves {
		return fmt.Errorf("its manifest does not name the contract that it serves (%s, version %d), but %v", s.contract.kind(), s.version, m.GetContracts())
	}
	for _, v := range m.GetEnv() {
		if v.GetName() == "" || strings.ContainsAny(v.GetName(), "= \x00") {
			return fmt.Errorf("its manifest asks for the variable %q, which is no name", v.GetName())
		}
	}
	seen := map[string]bool{}
	for _, v := range m.GetSettings() {
		if v.GetName() == "" || seen[v.GetName()] {
			return fmt.Errorf("its manifest has the setting %q twice, or one without a name", v.GetName())
		}
		seen[v.GetName()] = true
	}
	s.manifest = new(serve.ManifestFrom(m))
	return nil
}

// hostStream looks whether the plugin holds the stream as long as the host does.
func hostStream(ctx context.Context, s *suite, p *process) error {
	if err := s.contract.occupy(ctx, p); err != nil {
		return err
	}
	if err := p.host.stays(s.limits.Settle, "a call"); err != nil {
		return err
	}
	if err := p.host.end(); err != nil {
		return fmt.Errorf("ending the stream: %w", err)
	}
	if !p.host.over(s.limits.Late) {
		return fmt.Errorf("the host has ended its stream, and the plugin still holds it after %v", s.limits.Late)
	}
	if err := s.alive(ctx, p, "the end of the host's stream"); err != nil {
		return err
	}
	p.host.close()
	p.host.open()
	return p.host.stays(s.limits.Settle, "it was opened for the second time")
}

// callbacks has the plugin work, and refuses what it asks.
func callbacks(ctx context.Context, s *suite, p *process) error {
	p.host.mu.Lock()
	p.host.refuse = true
	p.host.mu.Unlock()
	if err := s.contract.listing(called(ctx), p); err != nil {
		return err
	}
	if err := s.alive(ctx, p, "a question that is refused"); err != nil {
		return err
	}
	select {
	case err := <-p.host.wrong:
		return err
	case <-p.host.done:
		return p.host.stays(s.limits.Settle, "what it asked was refused")
	case <-time.After(s.limits.Settle):
		return nil
	}
}

func hostUnknown(ctx context.Context, s *suite, p *process) error {
	future, odd := &pluginv1.HostMessage{}, p.host.welcome()
	addUnknown(future, 10)
	addUnknown(odd, 10)
	for _, m := range []*pluginv1.HostMessage{
		future,
		{Kind: &pluginv1.HostMessage_Welcome{Welcome: odd}},
		{Kind: &pluginv1.HostMessage_Answer{Answer: &pluginv1.Answer{Id: 1 << 50, ResultJson: []byte("{}")}}},
	} {
		if p.host.send(m) != nil {
			break // the end of the stream tells why
		}
	}
	if err := s.alive(ctx, p, "messages of a later version"); err != nil {
		return err
	}
	return p.host.stays(s.limits.Settle, "messages of a later version")
}
