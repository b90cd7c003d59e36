package tool

import (
	"encoding/json"
	"strings"

	"github.com/go-json-experiment/json/jsontext"
)

// AgentsNamespace is where the agents' tools live, as the reference names it.
const AgentsNamespace = "multi_agent_v1"

// Bounds of wait_agent, in milliseconds. A shorter wait would be polling.
const (
	shortestWait = 10_000
	defaultWait  = 30_000
	longestWait  = 3_600_000
)

// agentsItems is short: it stands in every request twice, and what it says seldom matters.
const agentsItems = `"items":{"type":"array","description":"Instead of message, where it is more than text: parts of a type (text, image, local_image, audio, local_audio, skill, mention) ` +
	`with text, image_url, audio_url, path or name.","items":{"type":"object"}}`

// agentsSpec is the tools' declaration, around the text about roles.
const (
	agentsSpecHead = `{"type":"namespace","name":"` + AgentsNamespace + `","description":"Starts and steers sub-agents.","tools":[` +
		`{"type":"function","name":"close_agent","description":"Ends an agent, and those it has started, and returns the status it had. One that is done counts as open until then.","strict":false,` +
		`"parameters":{"type":"object","properties":{"target":{"type":"string","description":"Id of the agent."}},"required":["target"],"additionalProperties":false}},` +
		`{"type":"function","name":"resume_agent","description":"Opens a closed agent again.","strict":false,` +
		`"parameters":{"type":"object","properties":{"id":{"type":"string","description":"Id of the agent."}},"required":["id"],"additionalProperties":false}},` +
		`{"type":"function","name":"send_input","description":"Says something to an agent. One that works takes it in as it goes; one that is done goes on from there.","strict":false,` +
		`"parameters":{"type":"object","properties":{"target":{"type":"string","description":"Id of the agent."},` +
		`"message":{"type":"string","description":"What to say."},` + agentsItems + `,` +
		`"interrupt":{"type":"boolean","description":"Have it do this instead of what it does now."}},"required":["target"],"additionalProperties":false}},` +
		`{"type":"function","name":"spawn_agent","description":"Starts a sub-agent on a task of its own and returns its id and nickname. It works beside you, in the same folders. ` +
		`Only start one when the user, AGENTS.md or a skill asks for sub-agents, delegation or parallel work; a large task is no reason by itself. ` +
		`Give it a bounded task with everything it has to know, and tell apart who changes which files. ` +
		`Go on with other work meanwhile; a message tells you when it is done. Close it when it is of no more use.","strict":false,` +
		`"parameters":{"type":"object","properties":{"agent_type":{"type":"string","description":`
	agentsSpecTail = `},"message":{"type":"string","description":"The task."},` + agentsItems + `,` +
		`"fork_context":{"type":"boolean","description":"Have it know this conversation."},` +
		`"model":{"type":"string","description":"Only if the user asks for one."},` +
		`"reasoning_effort":{"type":"string"}},"additionalProperties":false}},` +
		`{"type":"function","name":"wait_agent","description":"Waits until an agent is done, and returns the statuses of those that are with what they said last.","strict":false,` +
		`"parameters":{"type":"object","properties":{"targets":{"type":"array","description":"Ids of agents.","items":{"type":"string"}},` +
		`"timeout_ms":{"type":"number","description":"At most: 10000 to 3600000, 30000 if not given."}},"required":["targets"],"additionalProperties":false}}]}`
)

// Specs implements Offer.
func (a AgentTools) Specs() []json.RawMessage {
	var about strings.Builder
	about.WriteString("What the agent shall be. A role may have a model, an effort and instructions of its own.")
	for _, r := range a.Roles {
		about.WriteString("\n- " + r.Name)
		if r.Description != "" {
			about.WriteString(": " + r.Description)
		}
	}
	spec, _ := jsontext.AppendQuote([]byte(agentsSpecHead), strings.ToValidUTF8(about.String(), "\uFFFD")) // valid: no error
	return []json.RawMessage{append(spec, agentsSpecTail...)}
}
