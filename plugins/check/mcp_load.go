package check

import (
	"context"
	"fmt"
	"strings"
)

// What a provider of MCP servers does when there is much to do, or nobody waits
// for it any more.

func (c *mcpContract) deadline(ctx context.Context, p *process) error {
	server, err := c.server(ctx, p)
	if err != nil {
		return err
	}
	ch, err := c.open(ctx, p)
	if err != nil {
		return err
	}
	defer ch.close()
	id, err := ch.start(server, shortly)
	if err != nil {
		return err
	}
	m, err := ch.answer(id, shortly+c.limits.Late, fmt.Sprintf("a start with a deadline of %v", shortly))
	if err != nil || m.GetReady() == nil {
		return err
	}
	call := listTools(id)
	call.TimeoutMs = shortly.Milliseconds()
	if id, err = ch.call(call); err != nil {
		return err
	}
	_, err = ch.answer(id, shortly+c.limits.Late, fmt.Sprintf("a call with a deadline of %v", shortly))
	return err
}

func (c *mcpContract) cancel(ctx context.Context, p *process) error {
	ch, session, err := c.session(ctx, p)
	if err != nil {
		return err
	}
	defer ch.close()
	var ids []uint64
	for range crowd {
		id, err := ch.call(listTools(session))
		if err == nil {
			err = ch.withdraw(id)
		}
		if err != nil {
			return err
		}
		ids = append(ids, id)
	}
	for _, id := range ids {
		if _, err := ch.answer(id, c.limits.Late, "a call that was withdrawn"); err != nil {
			return err
		}
	}
	id, err := ch.call(listTools(session))
	if err != nil {
		return err
	}
	if _, err := ch.answer(id, c.limits.Answer, fmt.Sprintf("a call after %d that were withdrawn", crowd)); err != nil {
		return err
	}
	return ch.once()
}

func (c *mcpContract) concurrent(ctx context.Context, p *process) error {
	ch, session, err := c.session(ctx, p)
	if err != nil {
		return err
	}
	defer ch.close()
	ids := make([]uint64, crowd)
	for i := range ids {
		if ids[i], err = ch.call(listTools(session)); err != nil {
			return err
		}
	}
	for _, id := range ids {
		m, err := ch.answer(id, c.limits.Answer, fmt.Sprintf("one of %d calls side by side", crowd))
		if err != nil {
			return err
		}
		if e := m.GetError(); e != nil && session != 0 {
			return fmt.Errorf("of %d calls side by side, one failed: %s", crowd, e.Message)
		}
	}
	return ch.once()
}

func (c *mcpContract) big(ctx context.Context, p *process) error {
	ch, session, err := c.session(ctx, p)
	if err != nil {
		return err
	}
	defer ch.close()
	arguments := []byte(`{"text":"` + strings.Repeat("x", bigMessage) + `"}`)
	id, err := ch.call(callTool(session, noTool, arguments))
	if err != nil {
		return err
	}
	_, err = ch.answer(id, 2*c.limits.Answer, fmt.Sprintf("a call with %d bytes of arguments", len(arguments)))
	return err
}
