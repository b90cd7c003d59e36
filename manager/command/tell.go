package command

import (
	"context"
	"sync"
	"time"

	"github.com/codexhost/codexhost/manager/sandbox"
)

const (
	// chunkBytes is the most that one Chunk carries.
	chunkBytes = 64 << 10
	// A stream that says little at a time is told in pieces this far apart, at least.
	chunkPause = 5 * time.Millisecond
	littleData = 4 << 10
)

// tell tells the output until both streams have ended, or the table closes.
func (p *Process) tell(life context.Context) {
	if p.request.Tell == nil {
		return
	}
	select {
	case <-p.begun:
	case <-life.Done():
		return
	}
	var streams sync.WaitGroup
	for i, s := range p.streams() {
		if s != nil {
			streams.Go(func() { p.cut[i] = p.tellStream(life, s, p.unheard[i], i == 1) })
		}
	}
	streams.Wait()
}

// tellStream tells one stream. It reports whether the stream was cut.
func (p *Process) tellStream(ctx context.Context, s *sandbox.Stream, sub *sandbox.Subscription, stderr bool) bool {
	defer sub.Close()
	left := p.request.Cap
	for {
		out, err := sub.Next(ctx)
		if err != nil {
			return false
		}
		n := 0
		for i, data := range [...][]byte{out.Head, out.Tail} {
			gap := i == 0 && out.Omitted > 0 // what was dropped leaves a gap, and nothing may follow one
			if len(data) == 0 && !gap {
				continue
			}
			if left >= 0 && int64(len(data)) >= left {
				data, gap = data[:left], true
			}
			if left >= 0 {
				left -= int64(len(data))
			}
			n += len(data)
			if err := p.tellChunks(ctx, Chunk{Stderr: stderr, Data: data, Cut: gap}); err != nil || gap {
				return gap
			}
		}
		if n < littleData {
			pause(ctx, s)
		}
	}
}

// tellChunks tells a piece of any size.
func (p *Process) tellChunks(ctx context.Context, c Chunk) error {
	data := c.Data
	for len(data) > chunkBytes {
		if err := p.request.Tell.Output(ctx, Chunk{Stderr: c.Stderr, Data: data[:chunkBytes:chunkBytes]}); err != nil {
			return err
		}
		data = data[chunkBytes:]
	}
	return p.request.Tell.Output(ctx, Chunk{Stderr: c.Stderr, Data: data, Cut: c.Cut})
}

// pause lets a little more of a stream come together.
func pause(ctx context.Context, s *sandbox.Stream) {
	t := time.NewTimer(chunkPause)
	defer t.Stop()
	select {
	case <-t.C:
	case <-s.Done():
	case <-ctx.Done():
	}
}
