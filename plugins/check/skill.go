package check

import (
	"context"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"strings"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"

	skillv1 "github.com/codexhost/codexhost/plugins/proto/skill/v1"
	"github.com/codexhost/codexhost/plugins/skill"
)

// skillContract tries a provider of skills.
type skillContract struct{ *suite }

func (c *skillContract) kind() string { return skill.Kind }

func (c *skillContract) roots() []*skillv1.Root {
	return []*skillv1.Root{{Path: filepath.Join(c.workspace(), "skills"), Scope: skillv1.Scope_SCOPE_USER}}
}

func (c *skillContract) request() *skillv1.ListRequest {
	return &skillv1.ListRequest{Roots: c.roots(), Cwd: c.workspace()}
}

func client(p *process) skillv1.SkillProviderClient { return skillv1.NewSkillProviderClient(p.conn) }

// list makes one call and puts the pieces of its answer together.
func (c *skillContract) list(ctx context.Context, p *process, req *skillv1.ListRequest) (*skillv1.ListResponse, error) {
	ctx, cancel := context.WithTimeout(ctx, c.limits.Answer)
	defer cancel()
	stream, err := client(p).List(ctx, req)
	if err != nil {
		return nil, err
	}
	all := &skillv1.ListResponse{}
	for {
		piece, err := stream.Recv()
		switch {
		case errors.Is(err, io.EOF):
			return all, nil
		case err != nil:
			return nil, err
		case proto.Size(piece) >= maxPiece:
			return nil, fmt.Errorf("a piece of the listing has %d bytes: split it, below %d", proto.Size(piece), maxPiece)
		}
		generation := all.Generation
		proto.Merge(all, piece)
		all.Generation = max(generation, piece.Generation)
	}
}

func (c *skillContract) read(ctx context.Context, p *process, path string) (*skillv1.ReadResponse, error) {
	ctx, cancel := context.WithTimeout(ctx, c.limits.Answer)
	defer cancel()
	return client(p).Read(ctx, &skillv1.ReadRequest{Path: path, Roots: c.roots()})
}

func (c *skillContract) listing(ctx context.Context, p *process) error {
	l, err := c.list(ctx, p, c.request())
	if err != nil {
		return fmt.Errorf("listing skills: %w", err)
	}
	if l.Unchanged {
		return errors.New("its first listing is \"unchanged\", though known_generation was 0")
	}
	if err := wellFormed(l); err != nil {
		return err
	}
	for _, s := range l.Skills[:min(len(l.Skills), 8)] {
		asked := p.host.questions()
		r, err := c.read(ctx, p, s.Path)
		if err != nil && p.host.questions() > asked && status.Code(err) != codes.DeadlineExceeded {
			continue // it wanted to know something first, and nobody answers here
		}
		if err != nil {
			return fmt.Errorf("reading %s, which it had listed: %w", s.Path, err)
		}
		if len(r.Content) == 0 {
			return fmt.Errorf("the skill %s, which it had listed, is empty", s.Path)
		}
	}
	req := c.request()
	req.KnownGeneration = l.Generation
	again, err := c.list(ctx, p, req)
	if err != nil {
		return fmt.Errorf("listing skills for the second time: %w", err)
	}
	if again.Unchanged && (again.Generation != l.Generation || l.Generation == 0 || len(again.Skills) > 0) {
		return fmt.Errorf("its answer \"unchanged\" must repeat the generation %d, which is not 0, and nothing else; it has generation %d and %d skills", l.Generation, again.Generation, len(again.Skills))
	}
	return nil
}

// wellFormed looks at a listing's own fields; whether names are valid is the host's business.
func wellFormed(l *skillv1.ListResponse) error {
	seen := map[string]bool{}
	for i, s := range l.Skills {
		switch {
		case s.Path == "":
			return fmt.Errorf("skill %d of its listing (%q) has no path, so nobody can read it", i+1, s.Name)
		case seen[s.Path]:
			return fmt.Errorf("its listing has the path %s twice", s.Path)
		case s.Name == "" && s.Dir == "":
			return fmt.Errorf("the skill %s has neither a name nor a folder to take one from", s.Path)
		}
		seen[s.Path] = true
	}
	for _, w := range l.Watch {
		if !filepath.IsAbs(w) {
			return fmt.Errorf("it wants %q watched, which is no absolute path", w)
		}
	}
	return nil
}

func (c *skillContract) answers(ctx context.Context, p *process) error {
	_, err := c.read(ctx, p, filepath.Join(c.workspace(), "skills", "nobody", "SKILL.md"))
	if status.Code(err) != codes.NotFound {
		return fmt.Errorf("reading a skill that is not there must end with NOT_FOUND; it ended with: %v", err)
	}
	return nil
}

// giveUp makes listings side by side that end when ctx does, if not before.
func (c *skillContract) giveUp(ctx context.Context, p *process) {
	_ = sideBySide(crowd, func(int) error {
		stream, err := client(p).List(ctx, c.request())
		for err == nil {
			_, err = stream.Recv()
		}
		return err
	})
}

// gRPC ends a late call by itself, on both sides. A handler that goes on
// nevertheless keeps its thread, its lock, its place in a pool.
func (c *skillContract) deadline(ctx context.Context, p *process) error {
	for range 3 {
		call, cancel := context.WithTimeout(ctx, shortly)
		c.giveUp(call, p)
		cancel()
	}
	if _, err := c.list(ctx, p, c.request()); err != nil {
		return fmt.Errorf("listing skills after %d listings with a deadline of %v: %w", 3*crowd, shortly, err)
	}
	return nil
}

func (c *skillContract) cancel(ctx context.Context, p *process) error {
	rounds := []time.Duration{5 * time.Millisecond, 20 * time.Millisecond, 100 * time.Millisecond}
	for _, wait := range rounds { // a call may be withdrawn before it has arrived, or while it is worked on
		call, cancel := context.WithCancel(ctx)
		timer := time.AfterFunc(wait, cancel)
		c.giveUp(call, p)
		timer.Stop()
		cancel()
	}
	if _, err := c.list(ctx, p, c.request()); err != nil {
		return fmt.Errorf("listing skills after %d listings that were withdrawn: %w", len(rounds)*crowd, err)
	}
	return nil
}

func (c *skillContract) concurrent(ctx context.Context, p *process) error {
	err := sideBySide(crowd, func(i int) error {
		if i%8 == 0 {
			return p.ping(ctx, c.limits.Answer)
		}
		_, err := c.list(ctx, p, c.request())
		return err
	})
	if err != nil {
		return fmt.Errorf("of %d calls side by side, one failed: %w", crowd, err)
	}
	return nil
}

func (c *skillContract) big(ctx context.Context, p *process) error {
	req := c.request()
	addUnknown(req, bigMessage)
	if _, err := c.list(ctx, p, req); err != nil {
		return fmt.Errorf("listing skills with a request of %d bytes: %w", proto.Size(req), err)
	}
	return nil
}

func (c *skillContract) grease(ctx context.Context, p *process) error {
	plain, err := c.list(ctx, p, c.request())
	if err != nil {
		return fmt.Errorf("listing skills: %w", err)
	}
	req := c.request()
	addUnknown(req, 10)
	future := &skillv1.Root{Path: filepath.Join(c.workspace(), "future"), Scope: futureEnum}
	addUnknown(future, 10)
	req.Roots = append(req.Roots, future)
	greased, err := c.list(ctx, p, req)
	if err != nil {
		return fmt.Errorf("listing skills with fields of a later version: %w", err)
	}
	if len(greased.Skills) != len(plain.Skills) {
		return fmt.Errorf("with fields of a later version it lists %d skills, and %d without", len(greased.Skills), len(plain.Skills))
	}
	if err := p.invoke(ctx, "/"+skillv1.SkillProvider_ServiceDesc.ServiceName+"/Future"); status.Code(err) != codes.Unimplemented {
		return fmt.Errorf("a method of a later version is not answered with UNIMPLEMENTED, but with: %v", err)
	}
	return c.alive(ctx, p, "a method of a later version")
}

func (c *skillContract) odd(ctx context.Context, p *process) error {
	for what, path := range map[string]string{
		"an empty path": "", "a relative path": "../..", "a path with a zero byte": "/a\x00b", "a path of 1 MiB": "/" + strings.Repeat("x", 1<<20), "a folder": c.workspace(),
	} {
		if _, err := c.read(ctx, p, path); status.Code(err) == codes.DeadlineExceeded {
			return fmt.Errorf("reading %s is not answered within %v", what, c.limits.Answer)
		}
		if err := c.alive(ctx, p, "reading "+what); err != nil {
			return err
		}
	}
	for what, req := range map[string]*skillv1.ListRequest{
		"nothing at all":        {},
		"a root without a path": {Roots: []*skillv1.Root{{}}, Cwd: c.workspace()},
		"a relative root":       {Roots: []*skillv1.Root{{Path: "skills"}}, Cwd: "."},
		"a root that is a file": {Roots: []*skillv1.Root{{Path: filepath.Join(c.workspace(), "skills", "check-me", "SKILL.md")}}, Cwd: c.workspace()},
		"a strange generation":  {Roots: c.roots(), Cwd: c.workspace(), KnownGeneration: 1<<64 - 1},
	} {
		if _, err := c.list(ctx, p, req); status.Code(err) == codes.DeadlineExceeded {
			return fmt.Errorf("listing %s is not answered within %v", what, c.limits.Answer)
		}
		if err := c.alive(ctx, p, "listing "+what); err != nil {
			return err
		}
	}
	return nil
}

func (c *skillContract) occupy(ctx context.Context, p *process) error {
	_, err := client(p).List(ctx, c.request()) // its answer is left lying; the connection's end ends it
	return err
}
