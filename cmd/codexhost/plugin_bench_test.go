package main

import (
	"bufio"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"
)

// BenchmarkInitializeWithSlowPlugins is the start of a host with twenty plugins
// that each take five seconds to come up: from the start of the process to the
// answer to initialize, and from thread/start to its answer.
func BenchmarkInitializeWithSlowPlugins(b *testing.B) {
	if runtime.GOOS == "windows" {
		b.Skip("the plugins are shell scripts")
	}
	dir := b.TempDir()
	exe := filepath.Join(dir, "codexhost")
	if out, err := exec.CommandContext(b.Context(), "go", "build", "-o", exe, ".").CombinedOutput(); err != nil {
		b.Fatalf("%v\n%s", err, out)
	}
	slow := filepath.Join(dir, "slow")
	if err := os.WriteFile(slow, []byte("#!/bin/sh\nsleep 5\nexit 1\n"), 0o700); err != nil {
		b.Fatal(err)
	}
	for _, plugins := range []int{0, 20} {
		b.Run(fmt.Sprint(plugins), func(b *testing.B) { benchmarkInitialize(b, exe, slow, plugins) })
	}
}

func benchmarkInitialize(b *testing.B, exe, slow string, plugins int) {
	home := b.TempDir()
	var config strings.Builder
	config.WriteString("model_provider = \"offline\"\n")
	for i := range plugins {
		fmt.Fprintf(&config, "[codexhost.plugins.slow%d]\nkind = %q\npath = %q\n", i, []string{"skill", "mcp"}[i%2], slow)
	}
	if err := os.WriteFile(filepath.Join(home, "config.toml"), []byte(config.String()), 0o600); err != nil {
		b.Fatal(err)
	}
	var start, thread []time.Duration
	for b.Loop() {
		cmd := exec.CommandContext(b.Context(), exe)
		cmd.Env = append(os.Environ(), "CODEX_HOME="+home, "OPENAI_API_KEY=")
		in, err := cmd.StdinPipe()
		if err != nil {
			b.Fatal(err)
		}
		out, err := cmd.StdoutPipe()
		if err != nil {
			b.Fatal(err)
		}
		began := time.Now()
		if err := cmd.Start(); err != nil {
			b.Fatal(err)
		}
		lines := bufio.NewScanner(out)
		lines.Buffer(nil, 1<<20)
		ask := func(line, answer string) time.Duration {
			begin := time.Now()
			io.WriteString(in, line+"\n")
			for lines.Scan() {
				if strings.Contains(lines.Text(), answer) {
					return time.Since(begin)
				}
			}
			b.Fatal("the host ended: ", lines.Err())
			return 0
		}
		ask(`{"id":0,"method":"initialize","params":{"clientInfo":{"name":"bench","version":"1"}}}`, `"id":0`)
		start = append(start, time.Since(began))
		thread = append(thread, ask(`{"id":1,"method":"thread/start","params":{}}`, `"id":1`))
		b.StopTimer()
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
		b.StartTimer()
	}
	report := func(name string, all []time.Duration) {
		slices.Sort(all)
		b.ReportMetric(float64(all[len(all)/2].Microseconds())/1000, "p50-"+name+"-ms")
		b.ReportMetric(float64(all[(len(all)-1)*99/100].Microseconds())/1000, "p99-"+name+"-ms")
	}
	report("start", start)
	report("thread", thread)
}
