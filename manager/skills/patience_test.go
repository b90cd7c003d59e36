package skills

import (
	"context"
	"encoding/json"
	"testing"
	"testing/synctest"
	"time"

	"github.com/codexhost/codexhost/plugins"
)

// The time that a user takes for two questions that overlap is not the
// provider's; the rest is.
func TestPatience(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		thinks := func(context.Context, string, json.RawMessage) (json.RawMessage, error) {
			time.Sleep(time.Hour)
			return nil, nil
		}
		ctx, end := withPatience(plugins.WithAsker(t.Context(), thinks), 10*time.Second)
		defer end()
		ask := plugins.AskerOf(ctx)
		time.Sleep(4 * time.Second)
		go ask(ctx, "p", nil)
		time.Sleep(time.Minute)
		ask(ctx, "p", nil)
		if ctx.Err() != nil {
			t.Fatal("the user's time counts")
		}
		time.Sleep(6*time.Second - time.Millisecond)
		if ctx.Err() != nil {
			t.Fatal("the time before the question counts twice")
		}
		time.Sleep(2 * time.Millisecond)
		if context.Cause(ctx) != errLate {
			t.Errorf("it is not late: %v", context.Cause(ctx))
		}
	})
}

func TestPatienceWithoutAnybodyToAsk(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, end := withPatience(t.Context(), 10*time.Second)
		defer end()
		if d, ok := ctx.Deadline(); !ok || time.Until(d) != 10*time.Second {
			t.Errorf("the deadline does not travel: %v, %v", d, ok)
		}
		time.Sleep(11 * time.Second)
		if context.Cause(ctx) != errLate {
			t.Errorf("it is not late: %v", context.Cause(ctx))
		}
	})
}
