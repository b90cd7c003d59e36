package main

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"sync"

	"github.com/codexhost/codexhost/plugins/serve"
	"github.com/codexhost/codexhost/plugins/skill"
)

// talker is a plugin that uses all that a host offers: its skill is called as
// its settings say, and asks the user whom it should greet. After it was read
// there is another skill.
type talker struct {
	host skill.Host

	mu   sync.Mutex
	more bool
}

func serveTalker() {
	skill.Serve(&talker{}, serve.About(serve.Manifest{Name: "talker", Version: "1.0.0",
		Settings: []serve.Setting{{Name: "greeting", Description: "the word to say", Required: true}}, Env: []serve.Variable{{Name: "TALKER_TOKEN", Why: "to log in"}}, Needs: []string{"settings", "elicit", "changed", "log"}}))
}

func (t *talker) Attach(h skill.Host) { t.host = h }

func (t *talker) List(ctx context.Context, _ skill.ListRequest) (skill.Listing, error) {
	raw, err := t.host.Settings(ctx)
	if err != nil {
		return skill.Listing{}, err
	}
	s := struct{ Greeting string }{"hello"}
	if err := json.Unmarshal(raw, &s); err != nil {
		return skill.Listing{}, fmt.Errorf("reading the settings: %w", err)
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	l := skill.Listing{Skills: []skill.Skill{{Path: "talker:/" + s.Greeting, Name: s.Greeting, Description: "Greets somebody."}}}
	if t.more {
		l.Skills = append(l.Skills, skill.Skill{Path: "talker:/more", Name: "more", Description: "There is more."})
	}
	return l, nil
}

func (t *talker) Read(ctx context.Context, req skill.ReadRequest) (skill.Content, error) {
	if _, mine := strings.CutPrefix(req.Path, "talker:/"); !mine {
		return skill.Content{}, skill.ErrNotFound
	}
	t.host.Log("warning", "somebody reads "+req.Path)
	raw, err := t.host.Elicit(ctx, json.RawMessage(`{"message":"Whom?","requestedSchema":{"type":"object","properties":{"name":{"type":"string"}}}}`))
	if err != nil {
		return skill.Content{}, err
	}
	var a struct {
		Action  string
		Content struct{ Name string }
	}
	if err := json.Unmarshal(raw, &a); err != nil {
		return skill.Content{}, err
	}
	t.mu.Lock()
	t.more = true
	t.mu.Unlock()
	t.host.Changed()
	return skill.Content{Text: fmt.Appendf(nil, "---\nname: x\ndescription: y\n---\n\n```offline\nsay:%s %s\n```\n", a.Action, a.Content.Name)}, nil
}
