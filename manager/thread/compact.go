package thread

import (
	"encoding/json"
	"errors"
	"strings"

	"github.com/codexhost/codexhost/manager/hooks"
	"github.com/codexhost/codexhost/manager/model"
	"github.com/codexhost/codexhost/rollout"
	"github.com/codexhost/codexhost/rpc/protocol"
)

// Compaction replaces what the model sees of a thread by the user's own messages
// and a summary, so that the thread fits the context window again.

const (
	// keptUserTokens bounds the user's messages that survive a compaction.
	keptUserTokens = 20_000
	// bytesPerToken is the estimate wherever nobody counted.
	bytesPerToken = 4
	// compactPercent of the usable window is where compaction begins by itself.
	compactPercent = 90
)

const compactPrompt = "Write a handover for yourself: this conversation is about to be cut, and the next part begins with nothing but the user's own messages and what you write now. " +
	"Say what the user wants and how they want it done; what is done, what was learned and what was decided, with the reasons; what is under way and what comes next; " +
	"and the names of files, commands and values that matter. Be complete and brief. Do not call tools."

// summaryPrefix opens the message that carries the summary.
const summaryPrefix = "An earlier part of this conversation was replaced by this summary, which you wrote yourself. Build on it; do not repeat what it says is done.\n"

// compact is a turn that does nothing but compact.
func (tn *turn) compact() error {
	tn.tellUsage()
	return tn.compactNow()
}

// compactIfFull compacts when the history has come close to the limit.
func (tn *turn) compactIfFull() error {
	limit := tn.settings.AutoCompactLimit
	if most := tn.info.ContextWindow * compactPercent / 100; limit <= 0 || limit > most {
		limit = most
	}
	if limit <= 0 || tn.thread.usedTokens() < limit {
		return nil
	}
	return tn.compactNow()
}

// usedTokens estimates what the next request would send.
func (t *Thread) usedTokens() int64 {
	t.mu.Lock()
	last := t.usage.last.Total
	t.mu.Unlock()
	return last + int64(t.history.bytes-t.countedBytes)/bytesPerToken
}

// compactNow asks the model for a summary and replaces the history by it.
func (tn *turn) compactNow() error {
	t := tn.thread
	if err := tn.compacts(hooks.PreCompact); err != nil {
		return err
	}
	began := t.now()
	item := &protocol.ThreadItemContextCompaction{ID: newID(), StartedAtMs: milliseconds(began)}
	shown := *item
	tn.Start(tn.ctx, &shown)
	summary, err := tn.summarise()
	if err != nil {
		return err
	}
	replacement := tn.replacement(summary)
	t.history = newHistory(replacement)
	t.mu.Lock()
	t.usage.last = model.Usage{Total: int64(t.history.bytes) / bytesPerToken}
	t.mu.Unlock()
	t.countedBytes = t.history.bytes
	item.CompletedAtMs = milliseconds(t.now())
	records := []rollout.Record{rollout.Compacted(summary, replacement), tn.recordedContext()}
	t.tell(tn.ctx, records)
	tn.Complete(tn.ctx, item)
	tn.tellUsage()
	t.session = "compact"
	if err := tn.compacts(hooks.PostCompact); err != nil {
		return err
	}
	return tn.ctx.Err()
}

// summarise asks the model for a summary of the history. Where even that does
// not fit, the oldest items are left out one by one.
func (tn *turn) summarise() (string, error) {
	t := tn.thread
	t.takeInjected()
	items := t.history.prompt()
	prompt := tn.settings.CompactPrompt
	if prompt == "" {
		prompt = compactPrompt
	}
	ask := textMessage("msg_"+newID(), "user", prompt)
	for {
		text, err := tn.askOnce(append(items[:len(items):len(items)], ask))
		var failure *model.Error
		if errors.As(err, &failure) && failure.Kind == model.FailContextWindow && len(items) > 1 {
			items = newHistory(items[1:]).prompt()
			continue
		}
		return text, err
	}
}

// askOnce makes a request without tools, again where its stream breaks, and
// returns what the model said. Nothing of it is shown or kept.
func (tn *turn) askOnce(items []json.RawMessage) (string, error) {
	var text string
	err := tn.retrying(func() error {
		text = ""
		r := tn.baseRequest(items)
		r.ParallelToolCalls = false
		for e, err := range tn.thread.services.Model.Stream(tn.ctx, r) {
			switch {
			case err != nil:
				return err
			case e.Kind == model.ItemDone && e.Head.Type == "message":
				item, err := model.ParseItem(e.Item)
				if err == nil {
					text = item.Text
				}
			case e.Kind == model.Completed && e.Usage != nil:
				tn.used(*e.Usage)
			}
		}
		return nil
	})
	return text, err
}

// replacement is what the model sees from now on: the user's latest messages,
// the context that holds before the last of them, and the summary.
func (tn *turn) replacement(summary string) []json.RawMessage {
	kept := keptUserMessages(tn.thread.history.items)
	context := tn.thread.baseline.messages()
	at := max(len(kept)-1, 0)
	out := append([]json.RawMessage{}, kept[:at]...)
	out = append(out, context...)
	out = append(out, kept[at:]...)
	return append(out, textMessage("msg_"+newID(), "user", summaryPrefix+summary))
}

// keptUserMessages are the user's own messages, the newest that fit. The one
// that crosses the limit is cut.
func keptUserMessages(items []json.RawMessage) []json.RawMessage {
	left := keptUserTokens * bytesPerToken
	var kept []json.RawMessage
	for i := len(items) - 1; i >= 0 && left > 0; i-- {
		text, ok := userText(items[i])
		if !ok {
			continue
		}
		raw := items[i]
		if len(text) > left {
			raw = textMessage("msg_"+newID(), "user", strings.ToValidUTF8(text[:left], ""))
		}
		left -= len(text)
		kept = append(kept, raw)
	}
	for i, j := 0, len(kept)-1; i < j; i, j = i+1, j-1 {
		kept[i], kept[j] = kept[j], kept[i]
	}
	return kept
}

// userText is what a user said in an item; ok is false for everything else, also
// for what the host says in the user's name.
func userText(raw json.RawMessage) (text string, ok bool) {
	var m struct {
		Type, Role string
		Content    []struct{ Text string }
	}
	if json.Unmarshal(raw, &m) != nil || m.Type != "message" || m.Role != "user" {
		return "", false
	}
	for _, c := range m.Content {
		text += c.Text
	}
	return text, text != "" && !rollout.Contextual(raw) && !strings.HasPrefix(text, summaryPrefix)
}
