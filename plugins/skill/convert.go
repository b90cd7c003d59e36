package skill

import (
	"strings"

	"google.golang.org/protobuf/proto"

	skillv1 "github.com/codexhost/codexhost/plugins/proto/skill/v1"
)

// text makes s fit for a protobuf string, which refuses what is not UTF-8.
func text(s string) string { return strings.ToValidUTF8(s, "\uFFFD") }

// pieces sends l in messages of bounded size; the last carries the generation.
func (l *Listing) pieces(send func(*skillv1.ListResponse) error) error {
	piece, size := &skillv1.ListResponse{}, 0
	flush := func(add int) error {
		if size > 0 && size+add > maxPiece {
			if err := send(piece); err != nil {
				return err
			}
			piece, size = &skillv1.ListResponse{}, 0
		}
		size += add
		return nil
	}
	for i := range l.Skills {
		p := l.Skills[i].toProto()
		if err := flush(proto.Size(p)); err != nil {
			return err
		}
		piece.Skills = append(piece.Skills, p)
	}
	for _, e := range l.Errors {
		if err := flush(len(e.Path) + len(e.Message)); err != nil {
			return err
		}
		piece.Errors = append(piece.Errors, &skillv1.Problem{
			Path: text(e.Path), Message: text(e.Message), Scope: e.Scope.toProto(),
		})
	}
	for _, w := range l.Watch {
		if err := flush(len(w)); err != nil {
			return err
		}
		piece.Watch = append(piece.Watch, text(w))
	}
	piece.Generation, piece.Unchanged = l.Generation, l.Unchanged
	return send(piece)
}

// add appends a piece to the listing.
func (l *Listing) add(piece *skillv1.ListResponse) {
	if n := len(piece.GetSkills()); n > 0 && l.Skills == nil {
		l.Skills = make([]Skill, 0, n)
	}
	for _, p := range piece.GetSkills() {
		l.Skills = append(l.Skills, skillFromProto(p))
	}
	for _, p := range piece.GetErrors() {
		l.Errors = append(l.Errors, Problem{
			Path: p.GetPath(), Message: p.GetMessage(), Scope: scopeFromProto(p.GetScope()),
		})
	}
	l.Watch = append(l.Watch, piece.GetWatch()...)
	if g := piece.GetGeneration(); g != 0 {
		l.Generation = g
	}
	l.Unchanged = l.Unchanged || piece.GetUnchanged()
}

func (s *Skill) toProto() *skillv1.Skill {
	p := &skillv1.Skill{
		Path: text(s.Path), Via: text(s.Via), Dir: text(s.Dir), Root: text(s.Root),
		Scope: s.Scope.toProto(), Namespace: text(s.Namespace),
		Name: text(s.Name), Description: text(s.Description), ShortDescription: text(s.ShortDescription),
	}
	if i := s.Interface; i != nil {
		p.Interface = &skillv1.Interface{
			DisplayName: text(i.DisplayName), ShortDescription: text(i.ShortDescription),
			IconSmall: text(i.IconSmall), IconLarge: text(i.IconLarge),
			BrandColor: text(i.BrandColor), DefaultPrompt: text(i.DefaultPrompt),
		}
	}
	for _, t := range s.Tools {
		p.Tools = append(p.Tools, &skillv1.ToolDependency{
			Type: text(t.Type), Value: text(t.Value), Description: text(t.Description),
			Transport: text(t.Transport), Command: text(t.Command), Url: text(t.URL),
		})
	}
	if s.Policy.ExplicitOnly || len(s.Policy.Products) > 0 {
		p.Policy = &skillv1.Policy{AllowImplicitInvocation: proto.Bool(!s.Policy.ExplicitOnly)}
		for _, name := range s.Policy.Products {
			p.Policy.Products = append(p.Policy.Products, text(name))
		}
	}
	return p
}

func skillFromProto(p *skillv1.Skill) Skill {
	s := Skill{
		Path: p.GetPath(), Via: p.GetVia(), Dir: p.GetDir(), Root: p.GetRoot(),
		Scope: scopeFromProto(p.GetScope()), Namespace: p.GetNamespace(),
		Name: p.GetName(), Description: p.GetDescription(), ShortDescription: p.GetShortDescription(),
	}
	if i := p.GetInterface(); i != nil {
		s.Interface = &Interface{
			DisplayName: i.GetDisplayName(), ShortDescription: i.GetShortDescription(),
			IconSmall: i.GetIconSmall(), IconLarge: i.GetIconLarge(),
			BrandColor: i.GetBrandColor(), DefaultPrompt: i.GetDefaultPrompt(),
		}
	}
	for _, t := range p.GetTools() {
		s.Tools = append(s.Tools, Tool{
			Type: t.GetType(), Value: t.GetValue(), Description: t.GetDescription(),
			Transport: t.GetTransport(), Command: t.GetCommand(), URL: t.GetUrl(),
		})
	}
	if pol := p.GetPolicy(); pol != nil {
		s.Policy.ExplicitOnly = pol.AllowImplicitInvocation != nil && !pol.GetAllowImplicitInvocation()
		s.Policy.Products = pol.GetProducts()
	}
	return s
}

func listRequestToProto(r ListRequest) *skillv1.ListRequest {
	return &skillv1.ListRequest{Roots: rootsToProto(r.Roots), Cwd: text(r.Cwd), KnownGeneration: r.Known}
}

func listRequestFromProto(p *skillv1.ListRequest) ListRequest {
	return ListRequest{Roots: rootsFromProto(p.GetRoots()), Cwd: p.GetCwd(), Known: p.GetKnownGeneration()}
}

func rootsToProto(roots []Root) []*skillv1.Root {
	out := make([]*skillv1.Root, len(roots))
	for i, r := range roots {
		out[i] = &skillv1.Root{
			Path: text(r.Path), Scope: r.Scope.toProto(), Within: text(r.Within), Namespace: text(r.Namespace),
		}
	}
	return out
}

func rootsFromProto(roots []*skillv1.Root) []Root {
	out := make([]Root, len(roots))
	for i, r := range roots {
		out[i] = Root{
			Path: r.GetPath(), Scope: scopeFromProto(r.GetScope()),
			Within: r.GetWithin(), Namespace: r.GetNamespace(),
		}
	}
	return out
}

func (s Scope) toProto() skillv1.Scope {
	switch s {
	case ScopeUser:
		return skillv1.Scope_SCOPE_USER
	case ScopeRepo:
		return skillv1.Scope_SCOPE_REPO
	case ScopeSystem:
		return skillv1.Scope_SCOPE_SYSTEM
	case ScopeAdmin:
		return skillv1.Scope_SCOPE_ADMIN
	}
	return skillv1.Scope_SCOPE_UNSPECIFIED
}

func scopeFromProto(p skillv1.Scope) Scope {
	switch p {
	case skillv1.Scope_SCOPE_REPO:
		return ScopeRepo
	case skillv1.Scope_SCOPE_SYSTEM:
		return ScopeSystem
	case skillv1.Scope_SCOPE_ADMIN:
		return ScopeAdmin
	}
	return ScopeUser // a scope of the future grants nothing
}
