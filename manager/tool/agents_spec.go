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

const agentsItems = `"items":{"type":"array","description":"The input in parts, where it is more than text; instead of message.","items":{"type":"object","properties":{` +
	`"type":{"type":"string","description":"text, image, local_image, audio, local_audio, skill or mention."},` +
	`"text":{"type":"string","description":"Of a text."},` +
	`"image_url":{"type":"string","description":"Of an image."},` +
	`"audio_url":{"type":"string","description":"Of an audio."},` +
	`"path":{"type":"string","description":"Of a local_image, a local_audio or a skill; what a mention points at."},` +
	`"name":{"type":"string","description":"How a skill or a mention is shown."}},"additionalProperties":false}}`

// agentsSpec is the tools' declaration, around the text about roles.
const (
	agentsSpecHead = `{"type":"namespace","name":"` + AgentsNamespace + `","description":"Starts and steers sub-agents.","tools":[` +
		`{"type":"function","name":"close_agent","description":"Ends an agent, and those it has started, and returns the status it had. An agent that is done still counts as open until it is closed.","strict":false,` +
		`"parameters":{"type":"object","properties":{"target":{"type":"string","description":"Id of the agent."}},"required":["target"],"additionalProperties":false}},` +
		`{"type":"function","name":"resume_agent","description":"Opens a closed agent again, so that it can be sent input and waited for.","strict":false,` +
		`"parameters":{"type":"object","properties":{"id":{"type":"string","description":"Id of the agent."}},"required":["id"],"additionalProperties":false}},` +
		`{"type":"function","name":"send_input","description":"Says something to an agent. One that works takes it in as it goes; one that is done starts again, and still knows what it did before.","strict":false,` +
		`"parameters":{"type":"object","properties":{"target":{"type":"string","description":"Id of the agent."},` +
		`"message":{"type":"string","description":"What to say."},` + agentsItems + `,` +
		`"interrupt":{"type":"boolean","description":"Stop what the agent does now and have it do this instead."}},"required":["target"],"additionalProperties":false}},` +
		`{"type":"function","name":"spawn_agent","description":"Starts a sub-agent on a task of its own and returns its id and nickname. It works beside you, in the same folders, with your settings. ` +
		`Only start one when the user, or instructions that hold here (AGENTS.md, a skill), ask for sub-agents, delegation or parallel work; that a task is large is no reason by itself. ` +
		`Give it a bounded task that it can do without you, with everything it has to know, and tell apart who changes which files. ` +
		`Go on with other work meanwhile instead of doing the same or waiting at once; a message tells you when it is done. Close it when it is of no more use.","strict":false,` +
		`"parameters":{"type":"object","properties":{"agent_type":{"type":"string","description":`
	agentsSpecTail = `},"message":{"type":"string","description":"The task."},` + agentsItems + `,` +
		`"fork_context":{"type":"boolean","description":"Have the agent know this conversation; otherwise it knows its task only."},` +
		`"model":{"type":"string","description":"Another model than yours; only if the user asks for one."},` +
		`"reasoning_effort":{"type":"string","description":"Another reasoning effort than yours."}},"additionalProperties":false}},` +
		`{"type":"function","name":"wait_agent","description":"Waits until one of the agents is done and returns the statuses of those that are, with what they said last; none if the time runs out.","strict":false,` +
		`"parameters":{"type":"object","properties":{"targets":{"type":"array","description":"Ids of agents.","items":{"type":"string"}},` +
		`"timeout_ms":{"type":"number","description":"How long to wait at most: 10000 to 3600000, 30000 if not given."}},"required":["targets"],"additionalProperties":false}}]}`
)

// Specs implements Offer.
func (a AgentTools) Specs() []json.RawMessage {
	var about strings.Builder
	about.WriteString("What the agent shall be; leave it out for one like you. A role may come with a model, an effort and instructions of its own, which then hold.")
	for _, r := range a.Roles {
		about.WriteString("\n- " + r.Name)
		if r.Description != "" {
			about.WriteString(": " + r.Description)
		}
	}
	spec, _ := jsontext.AppendQuote([]byte(agentsSpecHead), strings.ToValidUTF8(about.String(), "\uFFFD")) // valid: no error
	return []json.RawMessage{append(spec, agentsSpecTail...)}
}
