package plugins_test

import (
	"context"
	"runtime"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/codexhost/codexhost/plugins"
	"github.com/codexhost/codexhost/plugins/skill"
)

// times are what a benchmark measured one by one.
type times []time.Duration

// report adds the median and the 99th percentile.
func (t times) report(b *testing.B, unit time.Duration, name string) {
	slices.Sort(t)
	at := func(p int) float64 { return float64(t[(len(t)-1)*p/100]) / float64(unit) }
	b.ReportMetric(at(50), "p50-"+name)
	b.ReportMetric(at(99), "p99-"+name)
}

// BenchmarkLaunch is from the first need of a plugin to its being ready.
func BenchmarkLaunch(b *testing.B) {
	var all times
	for b.Loop() {
		h := newHost(b, plugins.Options{}, builtin("good"))
		start := time.Now()
		if _, err := plugins.Get[skill.Provider](b.Context(), h, "good"); err != nil {
			b.Fatal(err)
		}
		all = append(all, time.Since(start))
		b.StopTimer()
		h.Close(b.Context())
		b.StartTimer()
	}
	all.report(b, time.Millisecond, "ms")
}

// BenchmarkLaunchTwenty is the same for twenty at once.
func BenchmarkLaunchTwenty(b *testing.B) {
	var specs []plugins.Spec
	for i := range 20 {
		specs = append(specs, plugins.Builtin("p"+string(rune('a'+i)), skill.Kind, "good"))
	}
	for b.Loop() {
		h := newHost(b, plugins.Options{}, specs...)
		var wg sync.WaitGroup
		for _, s := range specs {
			wg.Go(func() {
				if _, err := plugins.Get[skill.Provider](b.Context(), h, s.Name); err != nil {
					b.Error(err)
				}
			})
		}
		wg.Wait()
		b.StopTimer()
		h.Close(b.Context())
		b.StartTimer()
	}
}

// BenchmarkCall is one small call through a plugin.
func BenchmarkCall(b *testing.B) {
	h := newHost(b, plugins.Options{}, builtin("good"))
	p, err := plugins.Get[skill.Provider](b.Context(), h, "good")
	if err != nil {
		b.Fatal(err)
	}
	var all times
	b.ReportAllocs()
	for b.Loop() {
		start := time.Now()
		if _, err := p.Read(b.Context(), skill.ReadRequest{}); err != nil {
			b.Fatal(err)
		}
		all = append(all, time.Since(start))
	}
	all.report(b, time.Microsecond, "us")
}

// BenchmarkUse is the same with the lease that keeps the process from being
// replaced in between.
func BenchmarkUse(b *testing.B) {
	h := newHost(b, plugins.Options{}, builtin("good"))
	for b.Loop() {
		err := plugins.Use(b.Context(), h, "good", func(ctx context.Context, p skill.Provider) error {
			_, err := p.Read(ctx, skill.ReadRequest{})
			return err
		})
		if err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkSwap is the replacement of a running plugin.
func BenchmarkSwap(b *testing.B) {
	h := newHost(b, plugins.Options{}, builtin("good"))
	mustRead(b, h, "good", "pid")
	for b.Loop() {
		if err := h.Swap(b.Context(), "good"); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkMemory is what a plugin costs: its own resident memory, and what the
// host keeps for it on its heap.
func BenchmarkMemory(b *testing.B) {
	const n = 10
	var specs []plugins.Spec
	for i := range n {
		specs = append(specs, plugins.Builtin("p"+string(rune('a'+i)), skill.Kind, "good"))
	}
	for b.Loop() {
		before := heap()
		h := newHost(b, plugins.Options{}, specs...)
		for _, s := range specs {
			mustRead(b, h, s.Name, "pid")
		}
		kept := heap() - before
		var resident int64
		for _, s := range h.Status() {
			resident += plugins.Memory(s.PID)
		}
		b.ReportMetric(float64(resident)/n/(1<<20), "MiB-plugin")
		b.ReportMetric(float64(kept)/n/(1<<10), "KiB-host")
		h.Close(b.Context())
	}
}

func heap() int64 {
	runtime.GC()
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int64(m.HeapInuse + m.StackInuse)
}

func BenchmarkStop(b *testing.B) {
	for b.Loop() {
		b.StopTimer()
		h := newHost(b, plugins.Options{}, builtin("good"))
		mustRead(b, h, "good", "pid")
		b.StartTimer()
		h.Close(b.Context())
	}
}
