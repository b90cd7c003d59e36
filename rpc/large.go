package rpc

import (
	"runtime/debug"
	"sync/atomic"
	"time"

	"github.com/codexhost/codexhost/rpc/protocol"
)

// largeAnswer is how many bytes make an answer a rare one, whose memory
// is given back to the system once it is out.
const largeAnswer = 2 << 20

// trimDelay lets several of them pass before the memory is gone through.
const trimDelay = 200 * time.Millisecond

var trimming atomic.Bool // for the process: its memory is one

// sizeOf is about how many bytes turns take on the wire.
func sizeOf(turns []protocol.Turn) int {
	n := 4 << 10
	for i := range turns {
		n += 512
		for _, item := range turns[i].Items {
			raw, _ := item.(protocol.ThreadItemRaw)
			n += len(raw) + 1
		}
	}
	return n
}

// trim gives back, a little later, what a large answer took.
func trim() {
	if trimming.CompareAndSwap(false, true) {
		time.AfterFunc(trimDelay, func() {
			trimming.Store(false)
			debug.FreeOSMemory()
		})
	}
}
