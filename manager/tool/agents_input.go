package tool

import (
	"fmt"
	"strings"

	"github.com/google/uuid"

	"github.com/codexhost/codexhost/rpc/protocol"
)

// agentPart is one part of an agent's input, as the model gives it.
type agentPart struct {
	Type  string `json:"type"`
	Text  string `json:"text"`
	Image string `json:"image_url"`
	Audio string `json:"audio_url"`
	Path  string `json:"path"`
	Name  string `json:"name"`
}

// input is what an agent is to be told, or why there is nothing to tell.
func (a *agentArgs) input() (input []protocol.UserInput, why string) {
	switch {
	case a.Message != nil && a.Items != nil:
		return nil, "Provide either message or items, but not both"
	case a.Message != nil && strings.TrimSpace(*a.Message) == "":
		return nil, "Empty message can't be sent to an agent"
	case a.Message != nil:
		return []protocol.UserInput{&protocol.UserInputText{Text: *a.Message}}, ""
	case a.Items == nil:
		return nil, "Provide one of: message or items"
	case len(a.Items) == 0:
		return nil, "Items can't be empty"
	}
	for _, part := range a.Items {
		in, err := part.input()
		if err != nil {
			return nil, err.Error()
		}
		input = append(input, in)
	}
	return input, ""
}

func (p agentPart) input() (protocol.UserInput, error) {
	switch p.Type {
	case "text", "":
		return &protocol.UserInputText{Text: p.Text}, nil
	case "image":
		return &protocol.UserInputImage{URL: &p.Image}, nil
	case "local_image":
		return &protocol.UserInputLocalImage{Path: p.Path}, nil
	case "audio":
		return &protocol.UserInputAudio{URL: &p.Audio}, nil
	case "local_audio":
		return &protocol.UserInputLocalAudio{Path: p.Path}, nil
	case "skill":
		return &protocol.UserInputSkill{Name: p.Name, Path: p.Path}, nil
	case "mention":
		return &protocol.UserInputMention{Name: p.Name, Path: p.Path}, nil
	}
	return nil, fmt.Errorf("failed to parse function arguments: unknown variant `%s`, expected one of `text`, `image`, `local_image`, `audio`, `local_audio`, `skill`, `mention`", p.Type)
}

// prompt is what an input says, as the item shows it.
func prompt(input []protocol.UserInput) *string {
	var texts []string
	for _, in := range input {
		if t, ok := in.(*protocol.UserInputText); ok {
			texts = append(texts, t.Text)
		}
	}
	s := strings.Join(texts, "\n")
	return &s
}

// badAgent is why a text cannot be the id of an agent; empty if it can.
func badAgent(id string) string {
	if _, err := uuid.Parse(id); err != nil {
		return fmt.Sprintf("invalid agent id %s: %v", id, err)
	}
	return ""
}

func effortOf(e string) *protocol.ReasoningEffort {
	if e == "" {
		return nil
	}
	r := protocol.ReasoningEffort(e)
	return &r
}
