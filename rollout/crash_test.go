package rollout

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"
)

// TestMain lets the test binary be the writer that is killed.
func TestMain(m *testing.M) {
	if home := os.Getenv("ROLLOUT_TEST_WRITER"); home != "" {
		writeForEver(home, os.Getenv("ROLLOUT_TEST_THREAD"))
		return
	}
	os.Exit(m.Run())
}

// writeForEver opens a thread and says of each message, after Append returned, that it is written.
func writeForEver(home, id string) {
	r, h, err := NewStore(home, Options{Client: func() string { return "writer" }}).Open(id)
	if err != nil {
		fmt.Println("error", err)
		os.Exit(1)
	}
	for n := len(h.Items); ; n++ {
		item := json.RawMessage(fmt.Sprintf(`{"type":"message","role":"user","content":[{"type":"input_text","text":"n%d %s"}]}`, n, strings.Repeat("x", n%3000)))
		if err := r.Append(ResponseItem(item)); err != nil {
			fmt.Println("error", err)
			os.Exit(1)
		}
		fmt.Println(n)
	}
}

func TestKilledWritersLoseNothingAcknowledged(t *testing.T) {
	s := testStore(t)
	r, _ := thread(t, s, ModePaginated)
	ok(t, r.Close())
	told := -1
	for kill := range 12 {
		cmd := exec.Command(os.Args[0])
		cmd.Env = append(os.Environ(), "ROLLOUT_TEST_WRITER="+s.home, "ROLLOUT_TEST_THREAD="+r.ID())
		out, err := cmd.StdoutPipe()
		ok(t, err)
		ok(t, cmd.Start())
		lines := bufio.NewScanner(out)
		for n := 0; n < 20+kill*9 && lines.Scan(); n++ {
			if told, err = strconv.Atoi(lines.Text()); err != nil {
				t.Fatalf("writer said %q", lines.Text())
			}
		}
		if o := s.Owner(r.ID()); o == nil || o.PID != cmd.Process.Pid || o.Client != "writer" {
			t.Errorf("owner %+v, want process %d", o, cmd.Process.Pid)
		}
		ok(t, cmd.Process.Kill())
		for lines.Scan() {
			if told, err = strconv.Atoi(lines.Text()); err != nil {
				break
			}
		}
		_ = cmd.Wait()
		h := read(t, s, r.ID())
		if h.Warnings.Skipped > 1 {
			t.Fatalf("kill %d: %+v", kill, h.Warnings)
		}
		asked := questions(h)
		if len(asked) <= told {
			t.Fatalf("kill %d: %d messages are there, %d were told of", kill, len(asked), told+1)
		}
		for n, q := range asked {
			if !strings.HasPrefix(q, fmt.Sprintf("n%d ", n)) || len(q) != len(fmt.Sprint("n", n, " "))+n%3000 {
				t.Fatalf("kill %d: message %d is %.20q", kill, n, q)
			}
		}
	}
	again, _, err := s.Open(r.ID()) // the lock went with the last writer
	ok(t, err)
	ok(t, again.Close())
}

func TestManyHandsOnOneRecorder(t *testing.T) {
	s := testStore(t)
	r, _ := thread(t, s, ModePaginated)
	var wg sync.WaitGroup
	for w := range 8 {
		wg.Go(func() {
			for n := range 50 {
				if err := r.Append(ResponseItem(json.RawMessage(fmt.Sprintf(`{"type":"message","role":"user","content":[{"type":"input_text","text":"%d-%d"}]}`, w, n)))); err != nil {
					t.Error(err)
				}
				if n%10 == 0 {
					if err := r.Sync(context.Background()); err != nil {
						t.Error(err)
					}
				}
				_, _, _ = r.Position(), r.Meta(), r.Pending()
			}
		})
	}
	wg.Wait()
	for range 3 {
		wg.Go(func() {
			if err := r.Close(); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	next := map[string]int{}
	for _, q := range questions(read(t, s, r.ID())) {
		w, n, _ := strings.Cut(q, "-")
		if fmt.Sprint(next[w]) != n {
			t.Fatalf("hand %s: message %s after %d", w, n, next[w])
		}
		next[w]++
	}
	if len(next) != 8 || next["0"] != 50 {
		t.Errorf("written: %v", next)
	}
}

func TestHostsRaceForAThread(t *testing.T) {
	s := testStore(t)
	r, _ := thread(t, s, ModePaginated, "q")
	ok(t, r.Close())
	for range 20 {
		var wg sync.WaitGroup
		var mu sync.Mutex
		var won []*Recorder
		for range 4 {
			wg.Go(func() {
				r, _, err := NewStore(s.home, Options{}).Open(r.ID())
				if err == nil {
					mu.Lock()
					won = append(won, r)
					mu.Unlock()
				}
			})
		}
		wg.Wait()
		if len(won) != 1 {
			t.Fatalf("%d writers", len(won))
		}
		ok(t, won[0].Close())
	}
}

func TestSyncStopsWithItsContext(t *testing.T) {
	s := testStore(t)
	r, _ := thread(t, s, ModePaginated, "q")
	ctx, cancel := context.WithDeadline(context.Background(), time.Unix(0, 0))
	defer cancel()
	if err := r.Sync(ctx); err == nil {
		t.Error("synced")
	}
	ok(t, r.Sync(context.Background()))
}
