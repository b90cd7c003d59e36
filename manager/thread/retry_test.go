package thread_test

import (
	"os"
	"path/filepath"
	"testing"
	"testing/synctest"
	"time"
)

// What the disk did not take is written once it does, without waiting for another turn.
func TestWhatCouldNotBeWrittenIsTriedAgain(t *testing.T) {
	engine(t, func(b *bench) {
		b.start()
		b.heard.path = ""
		blocked := filepath.Join(b.home, "sessions")
		if err := os.WriteFile(blocked, nil, 0o600); err != nil {
			b.Fatal(err)
		}
		b.turn("one")
		time.Sleep(time.Minute)
		if b.recorder.Pending() == 0 {
			t.Fatal("nothing waits to be written")
		}
		if err := os.Remove(blocked); err != nil {
			b.Fatal(err)
		}
		time.Sleep(6 * time.Second)
		synctest.Wait()
		h, err := b.store.Read(b.recorder.Path())
		if err != nil || len(h.UserMessages) != 1 || h.State.MidTurn || b.recorder.Pending() != 0 {
			t.Errorf("the file holds %+v, %v", h, err)
		}
	}, whole())
}
