package mcp

import (
	"context"
	"encoding/json"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	provider "github.com/codexhost/codexhost/plugins/mcp"
)

// Calls that overlap share one timer; each ends at its own limit all the same,
// and progress moves it.
func TestClock(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		i := newInstance(nil, launch{}, 0)
		begun := time.Now()
		ended := make(chan time.Duration)
		hang := func(limit time.Duration) *flight {
			f := &flight{}
			go func() {
				_, err := i.try(t.Context(), limit, f, nil, func(ctx context.Context, _ provider.Session) (json.RawMessage, error) {
					<-ctx.Done()
					return nil, ctx.Err()
				})
				if !errors.Is(err, context.DeadlineExceeded) {
					t.Error(err)
				}
				ended <- time.Since(begun)
			}()
			synctest.Wait()
			return f
		}
		progress := func(f *flight) {
			i.mu.Lock()
			defer i.mu.Unlock()
			f.alive()
		}
		// A call that is answered leaves a timer that nobody needs.
		_, _ = i.try(t.Context(), time.Second, &flight{}, nil, func(context.Context, provider.Session) (json.RawMessage, error) { return nil, nil })
		long, short := hang(10*time.Second), hang(2*time.Second)
		time.Sleep(time.Second + time.Millisecond)
		progress(short)
		if got := <-ended; got.Truncate(time.Millisecond) != 3001*time.Millisecond {
			t.Errorf("the short one ended after %v", got)
		}
		hang(time.Second)
		if got := <-ended; got.Truncate(time.Millisecond) != 4001*time.Millisecond {
			t.Errorf("the one that came later ended after %v", got)
		}
		for range 30 { // far beyond ten times its limit
			time.Sleep(5 * time.Second)
			progress(long)
			select {
			case got := <-ended:
				if got.Truncate(time.Millisecond) != 100*time.Second {
					t.Errorf("the long one ended after %v", got)
				}
				return
			default:
			}
		}
		t.Error("progress keeps a call alive for ever")
	})
}
