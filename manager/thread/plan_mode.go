package thread

import (
	"encoding/json"
	"strings"
	"time"

	"github.com/codexhost/codexhost/manager/model"
	"github.com/codexhost/codexhost/rollout"
	"github.com/codexhost/codexhost/rpc/protocol"
)

// A mode is how the user and the model work together. A client names it, with
// the model to use and, if it likes, with instructions of its own; the model is
// told of it in the context of the next turn. In plan mode, what the model
// proposes between two tags is a plan: an item of its own, not part of what the
// model says.

const (
	modeOpen  = "<collaboration_mode>"
	modeClose = "</collaboration_mode>"
	planOpen  = "<proposed_plan>"
	planClose = "</proposed_plan>"
)

const planInstructions = `# Plan mode

You and the user work out a plan; nothing is carried out yet. This holds until a developer message names another mode, whatever the user's words sound like: "do it" means "plan it".

- Look before you ask. Read files, search, run checks that leave the workspace as it is. Edit nothing, install nothing, run nothing that changes what is checked in.
- Ask what only the user can know: goals, limits, preferences, and choices between ways that differ in what the user gets. Use ` + "`request_user_input`" + `, with few questions and answers to choose from, the one you would take first. Do not ask what the workspace can tell you.
- Settle everything that whoever carries the plan out would otherwise have to decide: what changes where, interfaces, data, failures, tests, and what is left out on purpose.
- ` + "`update_plan`" + ` is a list of steps for work under way and has nothing to do with this mode; do not use it here.

When nothing is open any more, propose the plan once, in Markdown, between tags that stand on lines of their own:

<proposed_plan>
# Title
...
</proposed_plan>

Everything that the user shall carry out belongs between the tags; do not repeat it outside, and do not ask whether to go on. If the user wants changes, propose the whole plan anew.`

const defaultInstructions = `# Default mode

What was said of other modes, such as plan mode, holds no longer. The mode changes only by a developer message with other mode instructions, not by what the user asks for.

Carry out what the user wants. Where something is open, take the sensible way, say so, and go on; ask only where a wrong guess would cost the user much.`

// inMode are the settings as a client's choice of a mode makes them, and whether
// that is a change.
func (s Settings) inMode(m protocol.CollaborationMode) (Settings, bool) {
	was := s.CollaborationMode()
	s.Mode, s.Model, s.Effort = m.Mode, m.Settings.Model, ""
	if m.Settings.ReasoningEffort != nil {
		s.Effort = string(*m.Settings.ReasoningEffort)
	}
	switch own := m.Settings.DeveloperInstructions; {
	case own != nil:
		s.ModeInstructions = *own
	case m.Mode == protocol.ModeKindPlan:
		s.ModeInstructions = planInstructions
	default:
		s.ModeInstructions = defaultInstructions
	}
	return s, !sameOnWire(was, s.CollaborationMode())
}

// CollaborationMode is the way of working these settings stand for.
func (s Settings) CollaborationMode() protocol.CollaborationMode {
	mode := s.Mode
	if mode == "" {
		mode = protocol.ModeKindDefault
	}
	return protocol.CollaborationMode{Mode: mode, Settings: protocol.Settings{Model: s.Model,
		ReasoningEffort: named[protocol.ReasoningEffort](s.Effort), DeveloperInstructions: named[string](s.ModeInstructions)}}
}

// RecordedMode are the settings in the mode that a recorded turn ran in. context
// is the turn's own record; nil changes nothing.
func (s Settings) RecordedMode(context json.RawMessage) Settings {
	var turn struct {
		Mode struct {
			Mode     protocol.ModeKind `json:"mode"`
			Settings struct {
				Instructions string `json:"developer_instructions"`
			} `json:"settings"`
		} `json:"collaboration_mode"`
	}
	if len(context) > 0 && json.Unmarshal(context, &turn) == nil {
		s.Mode, s.ModeInstructions = turn.Mode.Mode, turn.Mode.Settings.Instructions
	}
	return s
}

// modeText is what the model reads of the mode; empty until a client named one.
func (s Settings) modeText() string {
	if s.ModeInstructions == "" {
		return ""
	}
	return modeOpen + s.ModeInstructions + modeClose
}

// A planSplit takes apart what a model says in plan mode, piece by piece as it
// comes. A tag counts where it has a line to itself. A line is held back as long
// as it may become a tag.
type planSplit struct {
	inPlan bool
	inLine bool   // the rest of the line is text, whatever it says
	held   string // of a line that may become a tag
}

// A planPiece is a piece of what the model says, or of its plan.
type planPiece struct {
	plan, opens bool // opens: a plan begins with this piece
	text        string
}

// write returns what is certain now of all that was written.
func (p *planSplit) write(s string) []planPiece {
	var out []planPiece
	for s != "" {
		end := strings.IndexByte(s, '\n') + 1
		ended := end > 0
		if !ended {
			end = len(s)
		}
		line := p.held + s[:end]
		s, p.held = s[end:], ""
		switch {
		case p.inLine:
			p.inLine = !ended
			out = p.add(out, line)
		case ended && strings.TrimSpace(line) == p.tag():
			out = p.turn(out)
		case !ended && p.mayBecomeTag(line):
			p.held = line
		default:
			p.inLine = !ended
			out = p.add(out, line)
		}
	}
	return out
}

// close returns what is left once all is written.
func (p *planSplit) close() []planPiece {
	line := p.held
	p.held = ""
	switch {
	case line == "":
		return nil
	case strings.TrimSpace(line) == p.tag():
		return p.turn(nil)
	default:
		return p.add(nil, line)
	}
}

// tag is the one that counts now.
func (p *planSplit) tag() string {
	if p.inPlan {
		return planClose
	}
	return planOpen
}

func (p *planSplit) mayBecomeTag(line string) bool {
	s, tag := strings.TrimLeft(line, " \t\r"), p.tag()
	return strings.HasPrefix(tag, s) || strings.TrimSpace(s) == tag
}

// turn is what a tag does.
func (p *planSplit) turn(out []planPiece) []planPiece {
	p.inPlan = !p.inPlan
	if p.inPlan {
		out = append(out, planPiece{plan: true, opens: true})
	}
	return out
}

func (p *planSplit) add(out []planPiece, text string) []planPiece {
	if n := len(out); n > 0 && out[n-1].plan == p.inPlan {
		out[n-1].text += text
		return out
	}
	return append(out, planPiece{plan: p.inPlan, text: text})
}

// splitPlan is a whole text taken apart: what is said, and the last plan in it,
// if it has one.
func splitPlan(text string) (said, plan string, planned bool) {
	var p planSplit
	for _, piece := range append(p.write(text), p.close()...) {
		switch {
		case piece.opens:
			plan, planned = piece.text, true
		case piece.plan:
			plan += piece.text
		default:
			said += piece.text
		}
	}
	return said, plan, planned
}

// A planMessage is a message of the model in plan mode, while it grows. It is
// told to begin with the first thing it says, its plan with the tag.
type planMessage struct {
	split   planSplit
	blank   string // space before the first word
	told    bool
	planned time.Time // zero until the plan was told to begin
}

func (tn *turn) planID() string { return tn.id + "-plan" }

// planGrew tells a piece of a message in plan mode.
func (in *intake) planGrew(e model.Event) {
	in.openPlan(e)
	in.planPieces(in.plan.split.write(e.Delta))
}

// openPlan begins a message in plan mode, unless it has begun.
func (in *intake) openPlan(e model.Event) {
	if in.open.kind == "message" && in.plan != nil {
		return
	}
	id := e.ItemID
	if id == "" {
		id = "message_" + newID()
	}
	in.open = openItem{id, "message", in.turn.thread.now()}
	in.plan = &planMessage{}
}

func (in *intake) planPieces(pieces []planPiece) {
	tn, m := in.turn, in.plan
	for _, p := range pieces {
		switch {
		case p.plan:
			in.tellPlan()
			if p.text != "" {
				tn.Grow(in.ctx, "item/plan/delta", tn.planID(), p.text)
			}
		case !m.told && strings.TrimSpace(p.text) == "":
			m.blank += p.text
		default:
			in.tellPlanMessage()
			tn.Grow(in.ctx, "item/agentMessage/delta", in.open.id, m.blank+p.text)
			m.blank = ""
		}
	}
}

func (in *intake) tellPlan() {
	if in.plan.planned.IsZero() {
		in.plan.planned = in.turn.thread.now()
		in.turn.Start(in.ctx, &protocol.ThreadItemPlan{ID: in.turn.planID(), StartedAtMs: milliseconds(in.plan.planned)})
	}
}

func (in *intake) tellPlanMessage() {
	if !in.plan.told {
		in.plan.told = true
		in.turn.Start(in.ctx, &protocol.ThreadItemAgentMessage{ID: in.open.id, StartedAtMs: milliseconds(in.open.started)})
	}
}

// planDone takes in a whole message in plan mode: first its plan, then what it
// says. The model goes on seeing it as it wrote it.
func (in *intake) planDone(e model.Event, item model.Item, record rollout.Record) {
	tn := in.turn
	in.openPlan(e)
	in.planPieces(in.plan.split.close())
	said, plan, planned := splitPlan(item.Text)
	if planned {
		in.tellPlan()
		tn.complete(in.ctx, &protocol.ThreadItemPlan{ID: tn.planID(), Text: plan,
			StartedAtMs: milliseconds(in.plan.planned), CompletedAtMs: milliseconds(tn.thread.now())})
	}
	if planned && !in.plan.told && strings.TrimSpace(said) == "" {
		in.open, in.plan = openItem{}, nil
		tn.thread.tell(in.ctx, []rollout.Record{record})
		return
	}
	in.tellPlanMessage()
	item.Text = said
	in.plan = nil
	in.complete(tn.agentMessage(in.open, item), record)
}
