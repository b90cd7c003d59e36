package skillswatch

import (
	"testing"
	"time"
)

func TestDebouncer(t *testing.T) {
	t0 := time.Unix(1000, 0)
	ms := func(n int) time.Time { return t0.Add(time.Duration(n) * time.Millisecond) }
	tests := []struct {
		name string
		news []int
		due  int
	}{
		{"one", []int{0}, 50},
		{"quiet counts from the last", []int{0, 30, 70}, 120},
		{"a steady stream is cut off", []int{0, 40, 80, 120, 160, 200, 240}, 250},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			d := debouncer{quiet: 50 * time.Millisecond, max: 250 * time.Millisecond}
			if _, ok := d.due(); ok {
				t.Error("due before any news")
			}
			for _, n := range tt.news {
				d.add(ms(n))
			}
			if at, ok := d.due(); !ok || !at.Equal(ms(tt.due)) {
				t.Errorf("due %v, want %v", at.Sub(t0), tt.due)
			}
			d.done()
			if _, ok := d.due(); ok {
				t.Error("due after it was reported")
			}
		})
	}
}
