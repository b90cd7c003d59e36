// Command greet is a codexhost plugin with one skill, complete: it says how to
// greet, in the words of its settings.
package main

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"

	"github.com/codexhost/codexhost/plugins/skill"
)

func main() { skill.Serve(new(greeter)) }

type greeter struct{ host skill.Host }

func (g *greeter) Attach(host skill.Host) { g.host = host }

func (g *greeter) List(context.Context, skill.ListRequest) (skill.Listing, error) {
	return skill.Listing{Generation: 1, Skills: []skill.Skill{{Path: "greet:/greet", Name: "greet", Description: "How we greet people."}}}, nil
}

func (g *greeter) Read(ctx context.Context, req skill.ReadRequest) (skill.Content, error) {
	if req.Path != "greet:/greet" {
		return skill.Content{}, skill.ErrNotFound
	}
	var s struct{ Word string }
	settings, err := g.host.Settings(ctx)
	if err == nil {
		err = json.Unmarshal(settings, &s)
	}
	if err != nil {
		return skill.Content{}, fmt.Errorf("reading the settings: %w", err)
	}
	return skill.Content{Text: fmt.Appendf(nil, "Begin with %q.\n", cmp.Or(s.Word, "Hello"))}, nil
}
