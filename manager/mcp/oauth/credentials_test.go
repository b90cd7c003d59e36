package oauth

import (
	"encoding/json"
	"errors"
	"os"
	"testing"
	"time"
)

// Whatever is in the file, reading it ends with credentials or an error; and
// another login leaves the other entries, and what is not ours in its own.
func FuzzFile(f *testing.F) {
	f.Add([]byte(`{"mine|96e1f8e9d40e2ec3":{"expires_at":1e300,"scopes":"x","access_token":7,"refresh_token":{},"later":1},"other":{}}`))
	f.Add([]byte(`{"mine|96e1f8e9d40e2ec3":null}`))
	f.Add([]byte("null"))
	f.Fuzz(func(t *testing.T, file []byte) {
		all, err := parse(file)
		if err != nil {
			return
		}
		mine := &Credentials{Name: "mine", URL: "https://x.example", AccessToken: "t", Expires: time.UnixMilli(1)}
		k := key(mine.Name, mine.URL)
		had := all[k]
		_ = had.credentials().Usable(time.Now())
		all[k] = had.with(mine)
		raw, err := json.Marshal(all)
		if err != nil {
			t.Fatal(err)
		}
		again, err := parse(raw)
		if err != nil || len(again) != len(all) {
			t.Fatalf("%q became %q: %v", file, raw, err)
		}
		if got := again[k].credentials(); got.AccessToken != "t" || got.RefreshToken != "" || !got.Expires.Equal(mine.Expires) || got.Name != "mine" {
			t.Errorf("%q became %q", file, raw)
		}
		for name := range had {
			if _, ok := again[k][name]; !ok && name != "issuer" && name != "client_secret" && name != "refresh_token" && name != "scopes" {
				t.Errorf("%q is gone from %q", name, raw)
			}
		}
	})
}

// Another program may be half-way through writing the file.
func TestReadersWaitForWriters(t *testing.T) {
	s := NewStore(t.TempDir())
	if err := s.Put(t.Context(), &Credentials{Name: "a", URL: "b", AccessToken: "old"}); err != nil {
		t.Fatal(err)
	}
	whole, err := os.ReadFile(s.Path())
	if err != nil {
		t.Fatal(err)
	}
	unlock, err := s.lock(t.Context(), "file-store.lock")
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(s.Path(), whole[:5], 0o600); err != nil {
		t.Fatal(err)
	}
	got := make(chan error)
	go func() { // ends with the receipt below
		c, err := s.Get("a", "b")
		if err == nil && c == nil {
			err = errors.New("no login")
		}
		got <- err
	}()
	select {
	case err := <-got:
		t.Fatalf("it did not wait: %v", err)
	default:
	}
	if err := os.WriteFile(s.Path(), whole, 0o600); err != nil {
		t.Fatal(err)
	}
	unlock()
	if err := <-got; err != nil {
		t.Error(err)
	}
}
