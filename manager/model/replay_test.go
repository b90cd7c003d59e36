package model

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"reflect"
	"strings"
	"testing"
)

func threadRequest(thread, said string) *Request {
	return &Request{Model: "m", Input: []json.RawMessage{userItem(said)}, Metadata: Metadata{ThreadID: thread}}
}

func TestReplayPlaysWhatWasRecorded(t *testing.T) {
	script := []struct{ thread, said string }{{"a", "think:x ;; say:one two"}, {"b", "failed:rate_limit_exceeded try again in 2 s"}, {"a", "exec:ls"}, {"b", "fail:401"}}
	var file bytes.Buffer
	rec := NewRecorder(NewOffline(), &file)
	var want []string
	for _, s := range script {
		evs, err := collect(t, rec, threadRequest(s.thread, s.said))
		want = append(want, told(evs, err))
	}
	for range rec.Stream(t.Context(), threadRequest("a", "say:left early")) {
		break
	}
	if err := rec.Err(); err != nil {
		t.Fatal(err)
	}
	play, err := NewReplay(&file)
	if err != nil {
		t.Fatal(err)
	}
	rename := strings.NewReplacer("a", "x", "b", "y")
	for i, s := range script {
		evs, err := collect(t, play, threadRequest(rename.Replace(s.thread), "whatever"))
		if got := told(evs, err); got != want[i] {
			t.Errorf("stream %d\n got %s\nwant %s", i, got, want[i])
		}
	}
	_, err = collect(t, play, threadRequest("x", ""))
	var e *Error
	if !errors.As(err, &e) || e.Kind != FailSetup {
		t.Errorf("past the end: %v", err)
	}
}

func told(evs []Event, err error) string {
	var e *Error
	if errors.As(err, &e) {
		return fmt.Sprintf("%s %+v", asJSON(evs), *e)
	}
	return asJSON(evs)
}

func asJSON(v any) string {
	b, _ := json.Marshal(v)
	return string(b)
}

func TestReplayRefusesABrokenRecording(t *testing.T) {
	for _, in := range []string{"{", `{"events":[{"kind":"no such"}]}`, "[]"} {
		if _, err := NewReplay(strings.NewReader(in)); err == nil {
			t.Error(in)
		}
	}
}

type fullDisk struct{}

func (fullDisk) Write([]byte) (int, error) { return 0, io.ErrShortWrite }

func TestFailedRecordingLeavesTheStreamAlone(t *testing.T) {
	rec := NewRecorder(NewOffline(), fullDisk{})
	if evs, err := collect(t, rec, threadRequest("a", "say:x")); err != nil || allText(evs) != "x" || !errors.Is(rec.Err(), io.ErrShortWrite) {
		t.Errorf("%v %v", err, rec.Err())
	}
}

func TestNamesAreWhole(t *testing.T) {
	for k := Opened; k <= Completed; k++ {
		var back Kind
		if b, _ := k.MarshalText(); back.UnmarshalText(b) != nil || back != k {
			t.Errorf("%d is %s", k, k)
		}
	}
	seen := map[string]bool{}
	for k := FailOther; k <= FailSetup; k++ {
		var back ErrorKind
		if b, _ := k.MarshalText(); back.UnmarshalText(b) != nil || back != k || seen[k.String()] {
			t.Errorf("%d is %s", k, k)
		}
		seen[k.String()] = true
	}
	if s := ErrorKind(200).String(); !reflect.DeepEqual(s, "kind 200") {
		t.Error(s)
	}
}
