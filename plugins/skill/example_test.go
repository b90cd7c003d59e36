package skill_test

import (
	"context"
	"fmt"

	"github.com/codexhost/codexhost/plugins/skill"
)

// greeter has one skill, which is no file.
type greeter struct{}

const greeting = "---\nname: greet\ndescription: How to greet in this company.\n---\n\nSay \"Ahoy\".\n"

func (greeter) List(context.Context, skill.ListRequest) (skill.Listing, error) {
	return skill.Listing{Generation: 1, Skills: []skill.Skill{{
		Path: "greeter:/greet", Name: "greet", Description: "How to greet in this company.", Scope: skill.ScopeUser,
	}}}, nil
}

func (greeter) Read(_ context.Context, req skill.ReadRequest) (skill.Content, error) {
	if req.Path != "greeter:/greet" {
		return skill.Content{}, skill.ErrNotFound
	}
	return skill.Content{Text: []byte(greeting)}, nil
}

// A whole plugin: main, and a provider with two methods. Built and installed
// with "codexhost plugin install", its skill is one of every thread's.
func ExampleServe() {
	skill.Serve(greeter{})
}

// A provider is a Go value like any other, and is tested without a process.
func ExampleProvider() {
	l, err := greeter{}.List(context.Background(), skill.ListRequest{})
	fmt.Println(len(l.Skills), l.Skills[0].Name, err)
	// Output: 1 greet <nil>
}
