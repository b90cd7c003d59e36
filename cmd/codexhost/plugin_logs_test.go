package main

import (
	"bytes"
	"context"
	"os"
	"path/filepath"
	"testing"
	"time"
)

// TestFollowedLog: whoever follows a log reads each line once, also across its
// being put aside.
func TestFollowedLog(t *testing.T) {
	path := filepath.Join(t.TempDir(), "p.log")
	put := func(name, text string) {
		t.Helper()
		f, err := os.OpenFile(name, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600)
		if err != nil {
			t.Fatal(err)
		}
		f.WriteString(text)
		f.Close()
	}
	var out bytes.Buffer
	l := pluginLog{path: path, out: &out}
	read := func(want string) {
		t.Helper()
		b, err := l.rest()
		if err != nil || string(b) != want {
			t.Errorf("got %q, %v; want %q", b, err, want)
		}
	}
	if err := l.show(0); err != nil || !l.silent {
		t.Error(err, l.silent)
	}
	put(path, "1\n2\n")
	read("1\n2\n")
	read("")
	put(path, "3\n")
	os.Rename(path, path+".1")
	put(path, "4\n")
	read("3\n4\n")
	os.Rename(path, path+".1")
	put(path+".1", "5\n")
	read("5\n")
	put(path, "6\n7\n")
	read("6\n7\n")
	for last, want := range map[int]string{0: "4\n5\n6\n7\n", 1: "7\n", 3: "5\n6\n7\n", 9: "4\n5\n6\n7\n"} {
		out.Reset()
		l := pluginLog{path: path, out: &out}
		if err := l.show(last); err != nil || out.String() != want {
			t.Errorf("the last %d: %q, %v", last, out.String(), err)
		}
	}
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	put(path, "8\n")
	f := pluginLog{path: path, out: writerFunc(func(b []byte) {
		if bytes.Contains(b, []byte("8\n")) {
			cancel()
		}
	})}
	if err := f.follow(ctx); err != nil {
		t.Error(err)
	}
}

type writerFunc func([]byte)

func (f writerFunc) Write(p []byte) (int, error) {
	f(p)
	return len(p), nil
}
