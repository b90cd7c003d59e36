package manager

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"
)

func TestKeyLock(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var k keyLock
		inside, most := 0, 0
		for range 5 {
			go func() {
				unlock, err := k.lock(t.Context(), "a")
				if err != nil {
					t.Error(err)
					return
				}
				inside++
				most = max(most, inside)
				time.Sleep(time.Second)
				inside--
				unlock()
			}()
		}
		synctest.Wait()
		other, err := k.lock(t.Context(), "b")
		if err != nil {
			t.Fatal(err)
		}
		other()
		late, cancel := context.WithTimeout(t.Context(), time.Millisecond)
		defer cancel()
		if _, err := k.lock(late, "a"); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("waiting ends with %v", err)
		}
		begin := time.Now()
		time.Sleep(5 * time.Second)
		synctest.Wait()
		if most != 1 || len(k.held) != 0 {
			t.Errorf("%d at once, held %v after %v", most, k.held, time.Since(begin))
		}
	})
}
