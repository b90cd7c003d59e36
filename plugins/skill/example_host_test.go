package skill_test

import (
	"context"
	"encoding/json"
	"fmt"

	"github.com/codexhost/codexhost/plugins/skill"
)

// deployer asks the user before it says how to deploy, and looks into its
// settings for where to.
type deployer struct{ host skill.Host }

func (d *deployer) Attach(host skill.Host) { d.host = host }

func (d *deployer) List(context.Context, skill.ListRequest) (skill.Listing, error) {
	return skill.Listing{Generation: 1, Skills: []skill.Skill{{Path: "deployer:/deploy", Name: "deploy", Description: "How we deploy."}}}, nil
}

func (d *deployer) Read(ctx context.Context, _ skill.ReadRequest) (skill.Content, error) {
	var settings struct{ Target string }
	raw, err := d.host.Settings(ctx)
	if err != nil {
		return skill.Content{}, err
	}
	if err := json.Unmarshal(raw, &settings); err != nil {
		return skill.Content{}, err
	}
	var answer struct{ Action string }
	raw, err = d.host.Elicit(ctx, json.RawMessage(`{"message":"Deploy for real?","requestedSchema":{"type":"object","properties":{}}}`))
	if err != nil || json.Unmarshal(raw, &answer) != nil || answer.Action != "accept" {
		d.host.Log("info", "a dry run, since nobody has agreed to more")
		return skill.Content{Text: []byte("Run `deploy --dry-run " + settings.Target + "`.")}, nil
	}
	return skill.Content{Text: []byte("Run `deploy " + settings.Target + "`.")}, nil
}

// testHost is a host for a test.
type testHost struct{ settings, answer string }

func (h testHost) Settings(context.Context) (json.RawMessage, error) {
	return json.RawMessage(h.settings), nil
}

func (h testHost) Elicit(context.Context, json.RawMessage) (json.RawMessage, error) {
	return json.RawMessage(`{"action":"` + h.answer + `"}`), nil
}

func (h testHost) Log(level, text string) { fmt.Println(level+":", text) }
func (h testHost) Changed()               {}

// A provider that talks to its host is tested with a host of the test's own.
func ExampleAttacher() {
	for _, answer := range []string{"accept", "decline"} {
		d := &deployer{}
		d.Attach(testHost{settings: `{"target":"production"}`, answer: answer})
		c, err := d.Read(context.Background(), skill.ReadRequest{Path: "deployer:/deploy"})
		fmt.Println(string(c.Text), err)
	}
	// Output:
	// Run `deploy production`. <nil>
	// info: a dry run, since nobody has agreed to more
	// Run `deploy --dry-run production`. <nil>
}
