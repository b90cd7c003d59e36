package manager_test

import (
	"testing"

	"github.com/codexhost/codexhost/manager"
)

func BenchmarkStart(b *testing.B) {
	h := newHome(b)
	before, n := heap(), 0
	for b.Loop() {
		h.start()
		n++
	}
	b.ReportMetric(float64(heap()-before)/float64(n)/1024, "KiB/thread")
}

func BenchmarkFork(b *testing.B) {
	h := newHome(b)
	t := h.start()
	for range 200 {
		h.turn(t, "say:hello")
	}
	before, n := heap(), 0
	for b.Loop() {
		if _, err := h.Fork(b.Context(), manager.ForkParams{ThreadID: t.ID(), ExcludeTurns: true}); err != nil {
			b.Fatal(err)
		}
		n++
	}
	b.ReportMetric(float64(heap()-before)/float64(n)/1024, "KiB/fork")
}
