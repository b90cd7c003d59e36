package plugins_test

import (
	"syscall"
	"testing"
	"time"

	"github.com/codexhost/codexhost/plugins"
	"github.com/codexhost/codexhost/plugins/skill"
)

// BenchmarkDeathNoticed is from the death of a plugin to the host's telling of it,
// and to the failure of a call that was under way.
func BenchmarkDeathNoticed(b *testing.B) {
	var told, failed times
	for b.Loop() {
		b.StopTimer()
		ended := make(chan time.Time, 1)
		h := newHost(b, plugins.Options{OnState: func(s plugins.Status) {
			if s.LastError != nil && s.PID == 0 {
				select {
				case ended <- time.Now():
				default:
				}
			}
		}}, builtin("good"))
		p, err := plugins.Get[skill.Provider](b.Context(), h, "good")
		if err != nil {
			b.Fatal(err)
		}
		call := make(chan time.Time, 1)
		go func() {
			_, _ = p.Read(b.Context(), skill.ReadRequest{Path: "hang"})
			call <- time.Now()
		}()
		mustRead(b, h, "good", "pid") // the other call is on its way
		pid := h.Status()[0].PID
		b.StartTimer()
		start := time.Now()
		syscall.Kill(pid, syscall.SIGKILL)
		told = append(told, (<-ended).Sub(start))
		failed = append(failed, (<-call).Sub(start))
		b.StopTimer()
		h.Close(b.Context())
		b.StartTimer()
	}
	told.report(b, time.Millisecond, "told-ms")
	failed.report(b, time.Millisecond, "failed-ms")
}
