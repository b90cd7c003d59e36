package rollout

import (
	"bytes"
	"os"
	"strings"
	"testing"
)

func TestCheckNamesEveryFaultAndMendsACopy(t *testing.T) {
	s := testStore(t)
	r, _ := pagedThread(t, s, ModePaginated)
	ok(t, r.Close())
	whole, err := os.ReadFile(r.Path())
	ok(t, err)
	c, err := s.Check(r.ID(), nil, nil)
	ok(t, err)
	if !c.Sound() || c.Faults != 0 || c.Records != bytes.Count(whole, []byte{'\n'}) {
		t.Fatalf("a sound thread: %+v", c)
	}
	lines := strings.SplitAfter(string(whole), "\n")
	lines[3] = strings.Replace(lines[3], `"type":"`, "\x00", 1)
	lines[7] = lines[6]
	damaged := strings.Join(lines, "") + `{"timestamp":"2026-01-02T03:0`
	ok(t, os.WriteFile(r.Path(), []byte(damaged), 0o600))
	var faults []string
	var mended bytes.Buffer
	c, err = s.Check(r.Path(), func(v Verdict) error {
		if v.Fault != FaultNone {
			faults = append(faults, v.Fault)
		}
		return nil
	}, &mended)
	ok(t, err)
	if c.Sound() || c.Lost != 2 {
		t.Errorf("%+v", c)
	}
	for _, want := range []string{FaultUnread, FaultOrdinal, FaultTorn} {
		if !strings.Contains(strings.Join(faults, " "), want) {
			t.Errorf("faults %v, without %s", faults, want)
		}
	}
	if now, err := os.ReadFile(r.Path()); err != nil || string(now) != damaged {
		t.Error("the file was changed")
	}
	before := read(t, s, r.ID())
	ok(t, os.WriteFile(r.Path(), mended.Bytes(), 0o600))
	if c, err = s.Check(r.Path(), nil, nil); err != nil || c.Faults != 0 {
		t.Errorf("the mended copy: %+v, %v", c, err)
	}
	if after := read(t, s, r.ID()); len(after.Items) != len(before.Items) {
		t.Errorf("%d items in the mended copy, %d before", len(after.Items), len(before.Items))
	}
}
