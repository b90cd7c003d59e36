package mcp_test

import (
	"encoding/json"
	"slices"
	"testing"
	"time"

	builtin "github.com/codexhost/codexhost/plugins/builtin/mcp"
	provider "github.com/codexhost/codexhost/plugins/mcp"
	"github.com/codexhost/codexhost/plugins/mcp/mcptest"
)

// report adds the median and the 99th percentile, which mean more than the mean
// on a machine that does other things too.
func report(b *testing.B, took []time.Duration) {
	slices.Sort(took)
	b.ReportMetric(float64(took[len(took)/2].Nanoseconds())/1e3, "p50-us")
	b.ReportMetric(float64(took[len(took)*99/100].Nanoseconds())/1e3, "p99-us")
}

// A tool call of a client: host, plugin process, server process and back.
func BenchmarkCall(b *testing.B) {
	set := join(b, service(b), &listener{}, testServer("lab"))
	ctx := b.Context()
	arguments := json.RawMessage(`{"text":"x"}`)
	var took []time.Duration
	b.ReportAllocs()
	for b.Loop() {
		begun := time.Now()
		if _, err := set.CallTool(ctx, "lab", "echo", arguments, nil); err != nil {
			b.Fatal(err)
		}
		took = append(took, time.Since(begun))
	}
	report(b, took)
}

// The same without the plugin process.
func BenchmarkCallDirect(b *testing.B) {
	p := builtin.New()
	defer p.Shutdown(b.Context())
	config, _ := json.Marshal(provider.Config{Command: exe(), Args: []string{mcptest.Arg}})
	s, err := p.Start(b.Context(), provider.Server{Config: config}, nil)
	if err != nil {
		b.Fatal(err)
	}
	call := provider.ToolCall{Name: "echo", Arguments: json.RawMessage(`{"text":"x"}`)}
	var took []time.Duration
	b.ReportAllocs()
	for b.Loop() {
		begun := time.Now()
		if _, err := s.CallTool(b.Context(), call); err != nil {
			b.Fatal(err)
		}
		took = append(took, time.Since(begun))
	}
	report(b, took)
}

// Many callers at a time.
func BenchmarkCallParallel(b *testing.B) {
	set := join(b, service(b), &listener{}, testServer("lab"))
	arguments := json.RawMessage(`{"text":"x"}`)
	b.SetParallelism(8)
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			if _, err := set.CallTool(b.Context(), "lab", "echo", arguments, nil); err != nil {
				b.Error(err)
				return
			}
		}
	})
}
